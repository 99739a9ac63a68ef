# SPDX-License-Identifier: ISC
#
# Rows of the option table to the completion of the shell that the variable
# "shell" names; "keys" are those of the account file, each with its "=".

# How the shell that reads it quotes a word.
function quoted(text)
{
	if (shell == "fish")
		gsub(/\\/, "\\\\", text)
	gsub(/'/, shell == "fish" ? "\\'" : "'\\''", text)
	return "'" text "'"
}

# What stands for the argument: "files", "accounts", "keys", words, or "".
function kind(name, metavar)
{
	if (name == "C" || name == "config")
		return "files"
	if (name == "a" || name == "account" || name == "check")
		return "accounts"
	if (metavar == "KEY=VALUE")
		return "keys"
	if (name == "B")
		return "7BIT 8BITMIME"
	if (name == "o")
		return "i di db em"
	return ""
}

function dashed(name)
{
	return (length(name) == 1 ? "-" : "--") name
}

{
	n++
	name[n] = $1
	argument[n] = $2
	metavar[n] = $3
	summary[n] = $4
}

function bash_case(wanted, action,    i, list)
{
	for (i = 1; i <= n; i++)
		if (argument[i] != "OPTION_PLAIN" &&
		    argument[i] != "OPTION_JOINED" &&
		    kind(name[i], metavar[i]) == wanted &&
		    !(argument[i] == "OPTION_MAYBE" && wanted == ""))
			list = list (list == "" ? "" : " | ") dashed(name[i])
	if (list != "")
		printf "\t%s)\n\t\t%s\n\t\treturn ;;\n", list, action
}

function bash_words(words)
{
	return "mapfile -t COMPREPLY < <(compgen -W \"" words "\" -- \"$cur\")"
}

function write_bash(    i, all)
{
	print "# SPDX-License-Identifier: ISC"
	print "# Completion of sendoff for bash, made from its tables."
	print ""
	print "# Not with compgen -W, which would expand what stands in a file."
	print "_sendoff_accounts()"
	print "{"
	print "\tlocal name"
	print "\twhile read -r name; do"
	print "\t\t[[ $name != \"$1\"* ]] || COMPREPLY+=(\"$name\")"
	print "\tdone < <(sed -n 's/^\\[\\([^]]*\\)\\].*/\\1/p' \\"
	print "\t    /etc/sendoff.conf \\"
	print "\t    \"${XDG_CONFIG_HOME:-$HOME/.config}/sendoff/sendoff.conf\"" \
	    " 2>/dev/null)"
	print "}"
	print ""
	print "_sendoff()"
	print "{"
	print "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev="
	print "\tCOMPREPLY=()"
	print "\t((COMP_CWORD > 0)) && prev=${COMP_WORDS[COMP_CWORD - 1]}"
	print "\t# Bash parts words at a '='."
	print "\tif [[ $cur == = ]]; then"
	print "\t\tcur="
	print "\telif [[ $prev == = ]] && ((COMP_CWORD > 1)); then"
	print "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}"
	print "\tfi"
	print "\tcase $prev in"
	bash_case("files", "compopt -o filenames 2>/dev/null\n\t\t" \
	    "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")")
	bash_case("accounts", "_sendoff_accounts \"$cur\"")
	bash_case("keys", "compopt -o nospace 2>/dev/null\n\t\t" \
	    bash_words(keys))
	bash_case(kind("B"), bash_words(kind("B")))
	bash_case(kind("o"), bash_words(kind("o")))
	bash_case("", ":")
	print "\tesac"
	print "\t[[ $cur == -* ]] || return"
	for (i = 1; i <= n; i++)
		all = all " " dashed(name[i])
	print "\t" bash_words(substr(all, 2))
	print "}"
	print ""
	print "complete -F _sendoff sendoff"
}

# The part of a specification behind the text: ":what:how".
function zsh_action(i,    k, optional, what)
{
	if (argument[i] == "OPTION_PLAIN")
		return ""
	optional = argument[i] == "OPTION_WITH" ? "" : ":"
	k = kind(name[i], metavar[i])
	if (k == "files")
		k = "_files"
	else if (k == "accounts")
		k = "_sendoff_accounts"
	else if (k == "keys")
		k = "_sendoff_keys"
	else if (k != "")
		k = "(" k ")"
	what = tolower(metavar[i])
	gsub(/[][]/, "", what)
	return ":" optional what ":" k
}

function zsh_sign(i)
{
	if (argument[i] == "OPTION_WITH")
		return length(name[i]) == 1 ? "+" : "="
	if (argument[i] == "OPTION_JOINED")
		return "-"
	return argument[i] == "OPTION_MAYBE" ? "=-" : ""
}

function write_zsh(    i, text, often)
{
	print "#compdef sendoff"
	print "# SPDX-License-Identifier: ISC"
	print "# Completion of sendoff for zsh, made from its tables."
	print ""
	print "_sendoff_accounts() {"
	print "\tlocal -a names"
	print "\tnames=(${(f)\"$(sed -n 's/^\\[\\([^]]*\\)\\].*/\\1/p' \\"
	print "\t    /etc/sendoff.conf \\"
	print "\t    ${XDG_CONFIG_HOME:-$HOME/.config}/sendoff/sendoff.conf" \
	    " 2>/dev/null)\"})"
	print "\tcompadd -a names"
	print "}"
	print ""
	print "_sendoff_keys() {"
	print "\tcompadd -S '' " keys
	print "}"
	print ""
	print "_arguments -s -S \\"
	for (i = 1; i <= n; i++) {
		text = summary[i]
		gsub(/[][]/, "\\\\&", text)
		often = metavar[i] ~ /=VALUE|SETTING/ ? "*" : ""
		print "\t" quoted(often dashed(name[i]) zsh_sign(i) \
		    "[" text "]" zsh_action(i)) " \\"
	}
	print "\t'*:recipient:_email_addresses'"
}

function write_fish(    i, k, line)
{
	print "# SPDX-License-Identifier: ISC"
	print "# Completion of sendoff for fish, made from its tables."
	print ""
	print "function __sendoff_accounts"
	print "\tset -l base $XDG_CONFIG_HOME"
	print "\ttest -n \"$base\"; or set base $HOME/.config"
	print "\tsed -n 's/^\\[\\([^]]*\\)\\].*/\\1/p' /etc/sendoff.conf \\"
	print "\t\t$base/sendoff/sendoff.conf 2>/dev/null"
	print "end"
	print ""
	print "complete -c sendoff -f"
	for (i = 1; i <= n; i++) {
		line = "complete -c sendoff " \
		    (length(name[i]) == 1 ? "-s " : "-l ") name[i]
		k = kind(name[i], metavar[i])
		if (k == "files")
			line = line " -r -F"
		else if (argument[i] == "OPTION_WITH")
			line = line " -x"
		if (k == "accounts")
			line = line " -a '(__sendoff_accounts)'"
		else if (k == "keys")
			line = line " -a " quoted(keys)
		else if (k != "" && k != "files")
			line = line " -a " quoted(k)
		print line " -d " quoted(summary[i])
	}
}

END {
	if (n == 0)
		exit 1
	if (shell == "bash")
		write_bash()
	else if (shell == "zsh")
		write_zsh()
	else
		write_fish()
}
