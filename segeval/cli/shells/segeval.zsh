#compdef segeval
# Completion of segeval for zsh. What it has no word for is a file.
_segeval() {
    local line
    local -a found given
    (( CURRENT > 2 )) && given=("${(@)words[2,CURRENT-1]}")
    for line in "${(@f)$("${(Q)words[1]}" completion zsh -- "${(@)given}" "$PREFIX" 2>/dev/null)}"; do
        [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( $#found )); then
        _describe segeval found
    else
        _files
    fi
}
if (( ! $+functions[compdef] )); then
    autoload -Uz compinit && compinit
fi
compdef _segeval segeval
