# Completion of segeval for fish. What it has no word for is a file.
function __segeval_words
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l found ($before[1] completion fish -- $before[2..] "$current" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete --command segeval --no-files --arguments '(__segeval_words)'
