# SPDX-License-Identifier: GPL-2.0
#
# perf-completion.bash - bash completes perf-uprobe: verbs, options, events, functions of the file that -x names.
#
# Options are those that the verb's own --help shows, so that they are the ones there are.  No state, no locks.

# Words, a line each, that begin like $cur; none of them is cut at a colon, as readline does.
#
# They are names out of whatever file -x names: nothing in them may mean anything to a shell, neither here (compgen -W
# would expand them) nor on the command line, where they are quoted as $quote, the mark that is open there, takes it.
_perf_uprobe_words() {
	local prefix='' word words

	mapfile -t words < <(printf '%s' "$1")
	((${#words[@]})) || return 0
	case $quote in
	\') words=("${words[@]//\'/\'\\\'\'}") ;;
	\") mapfile -t words < <(printf '%s\n' "${words[@]}" | sed 's/[\\$`"]/\\&/g') ;;
	*) mapfile -t words < <(printf '%q\n' "${words[@]}") ;;
	esac
	[[ $cur == *:* && $COMP_WORDBREAKS == *:* ]] && prefix=${cur%"${cur##*:}"}
	for word in "${words[@]}"; do
		[[ $word == "$cur"* ]] && COMPREPLY+=("${word#"$prefix"}")
	done
	return 0
}

_perf_uprobe_options() {
	"$tool" "$1" --help 2>&1 | sed -n 's/^ \{4,\}\(-[a-zA-Z], \)\{0,1\}\(--[a-z-]*\).*/\2/p' | sort -u
}

_perf_uprobe_events() {
	"$tool" probe -q --list --json 2>/dev/null | sed -n 's/^{"event":"\([^"]*\)".*/\1/p' | sort -u
}

# Of the file that the last -x before the cursor names.
_perf_uprobe_functions() {
	local i file=

	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-x | --exec) file=${COMP_WORDS[i + 1]} ;;
		--) return ;;
		esac
	done
	[[ $file == = ]] && return
	[[ -n $file ]] && "$tool" probe -q -x "$file" -F 2>/dev/null
}

# The word before the cursor wants a value: which one?
_perf_uprobe_value() {
	case $1:$2 in
	*:-x | *:--exec | *:-o | *:--output) compopt -o default ;;
	stat:-e | stat:--event | trace:-e | trace:--event | probe:-d | probe:--del | probe:-l | probe:--list) _perf_uprobe_words "$(_perf_uprobe_events)" ;;
	probe:-[aDLV] | probe:--add | probe:--definition | probe:--line | probe:--vars)
		_perf_uprobe_words "$(_perf_uprobe_functions)"
		;;
	stat:--mode) _perf_uprobe_words "auto"$'\n'"jump"$'\n'"trap"$'\n'"step" ;;
	*:-p | *:--pid | *:--target-ns) _perf_uprobe_words "$(ps -u "$(id -u)" -o pid= | tr -d ' ')" ;;
	*:--symfs | *:-s | *:--source) compopt -o dirnames ;;
	*) return 1 ;;
	esac
}

_perf_uprobe() {
	local cur prev quote verb tool=${COMP_WORDS[0]} i

	COMPREPLY=()
	# as one word, whatever readline breaks words at
	cur=${COMP_LINE:0:COMP_POINT}
	cur=${cur##*[[:space:]]}
	quote=${cur%"${cur#[\'\"]}"}
	cur=${cur#"$quote"}
	verb=${COMP_WORDS[1]}
	# "probe_app" ":" "fu": back to where the word begins
	i=$COMP_CWORD
	while ((i > 1)) && [[ $cur == *:* ]] && [[ ${COMP_WORDS[i]} == : || ${COMP_WORDS[i - 1]} == : ]]; do
		i=$((i - 1))
	done
	prev=${COMP_WORDS[i - 1]}
	if ((COMP_CWORD == 1)); then
		_perf_uprobe_words "$("$tool" --help 2>/dev/null | sed -n 's/^   \([a-z]\{1,\}\) .*/\1/p')"
		return
	fi
	# behind "--" is a command of its own
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			compopt -o default
			return
		fi
	done
	_perf_uprobe_value "$verb" "$prev" && return
	if [[ $cur == -* ]]; then
		_perf_uprobe_words "$(_perf_uprobe_options "$verb")"
	else
		_perf_uprobe_words "$(_perf_uprobe_functions)"
	fi
}

complete -F _perf_uprobe perf-uprobe
