// A process for each case, and one that merges: nextflow run main.nf --predictions predictions --references references
nextflow.enable.dsl = 2

params.predictions = 'predictions'
params.references = 'references'
params.outdir = 'results'

process SCORE {
    tag "${name}"
    cpus 1
    memory '2 GB'
    container 'segeval:0.1.0'

    input:
    tuple val(name), path(prediction, stageAs: 'prediction/*'), path(reference, stageAs: 'reference/*')

    output:
    path "${name}.json"

    script:
    """
    segeval score '${prediction}' '${reference}' --metrics dice,hd95 --format csv -o '${name}.json' >/dev/null
    """
}

process MERGE {
    publishDir params.outdir, mode: 'copy'
    container 'segeval:0.1.0'

    input:
    path scores

    output:
    path 'results.json'

    script:
    """
    segeval merge ${scores} --format csv -o results.json >/dev/null
    """
}

workflow {
    pairs = Channel.fromPath("${params.references}/*.nii.gz").map { reference ->
        tuple(reference.name - '.nii.gz', file("${params.predictions}/${reference.name}"), reference)
    }
    SCORE(pairs)
    MERGE(SCORE.out.collect())
}
