# SPDX-License-Identifier: ISC
#
# OpenSMTPD.  Its spool, its programs and its empty directory have fixed
# places, at which its namespace has directories of its own.
#
# Adds Return-Path, Delivered-To and Received; ends lines with LF.
# shellcheck shell=sh disable=SC2034,SC2154

ports='STARTTLS TLS PLAIN'

have()
{
	find_program /usr/sbin/smtpd || return
	programs=${program%/sbin/smtpd}/libexec
	[ -d /usr/libexec ]
}

get()
{
	unpack opensmtpd
}

users()
{
	echo "opensmtpd 64801 64801"
	echo "opensmtpq 64802 64802"
	echo "inbox $mail_uid $mail_gid"
}

configure()
{
	mkdir -p "$dir/spool" "$dir/run" "$dir/lib/opensmtpd/empty" || return
	printf 'alice %s\n' "$(openssl passwd -6 's3cret pass')" \
	    >"$dir/logins" && chmod 600 "$dir/logins" || return
	cat >"$dir/smtpd.conf" <<-END
	pki tests cert "/mnt/home/server.pem"
	pki tests key "/mnt/home/keys/server.key"
	table logins file:/mnt/home/logins
	table everybody { "@" = inbox }
	listen on 127.0.0.1 port $STARTTLS hostname relay.example.net \\
	    tls-require pki tests auth <logins>
	listen on 127.0.0.1 port $TLS hostname relay.example.net \\
	    smtps pki tests auth <logins>
	listen on 127.0.0.1 port $PLAIN hostname relay.example.net tag PLAIN
	action "inbox" maildir "/mnt/home/mail" virtual <everybody>
	match from any for rcpt-to "refused@example.com" reject
	match auth from any for domain { "example.com" "example.org" } \\
	    action "inbox"
	match tag PLAIN from any for domain { "example.com" "example.org" } \\
	    action "inbox"
	END
}

enter()
{
	mount --bind /mnt/home/spool /var/spool &&
	    mount --bind /mnt/home/lib /var/lib &&
	    mount --bind /mnt/home/run /run &&
	    mount --bind "$programs" /usr/libexec
}

run()
{
	exec "$program" -d -v -f /mnt/home/smtpd.conf
}
