# SPDX-License-Identifier: ISC
#
# The rows of a table in C, a line each, their columns separated by tabs; a
# column that is no string is taken as it stands, NULL is "-".
#
#	awk -v start='option_table[] = {' -f table.awk src/agent/options.c

function column()
{
	sub(/^ +/, "", field)
	sub(/ +$/, "", field)
	if (field == "NULL")
		field = "-"
	row = row (columns++ ? "\t" : "") field
	field = ""
}

index($0, start) { inside = 1; next }
inside && /^};/ { exit }
inside { text = text " " $0 }

END {
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (quoted && c == "\\") {
			field = field substr(text, ++i, 1)
		} else if (c == "\"") {
			quoted = !quoted
			if (quoted)
				sub(/ +$/, "", field)
		} else if (quoted) {
			field = field c
		} else if (c == "{") {
			row = field = ""
			columns = 0
		} else if (c == "}") {
			column()
			print row
		} else if (c == ",") {
			column()
		} else if (c != "\t") {
			field = field c
		}
	}
}
