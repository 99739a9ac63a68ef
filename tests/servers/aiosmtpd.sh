# SPDX-License-Identifier: ISC
#
# aiosmtpd, Python's, in a server that is made of it (smtp_server.py).
#
# Adds nothing; ends lines with CRLF.
# shellcheck shell=sh disable=SC2154

# Debian's modules go with Debian's Python, but these go with any.
have()
{
	program=/usr/bin/python3
	[ -x "$program" ] || program=$(command -v python3) || return
	modules=/usr/lib/python3/dist-packages
	if [ -d "$root$modules/aiosmtpd" ]; then
		modules=/mnt/root$modules
	else
		"$program" -c 'import aiosmtpd' 2>/dev/null
	fi
}

get()
{
	unpack python3-aiosmtpd python3-attr python3-public
}

configure()
{
	cp "$here/smtp_server.py" "$dir/smtp_server.py"
}

run()
{
	PYTHONPATH=$modules exec "$program" -B /mnt/home/smtp_server.py \
	    --starttls "$STARTTLS" --tls "$TLS" --home /mnt/home \
	    --owner "$mail_uid:$mail_gid"
}
