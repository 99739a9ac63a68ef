# SPDX-License-Identifier: ISC
#
# Exim, run as the owner of the mail from first to last.
#
# Adds Return-path, Envelope-to and Received; ends lines with LF.
# shellcheck shell=sh disable=SC2154

have()
{
	find_program /usr/sbin/exim4
}

get()
{
	unpack exim4-daemon-light
}

# It looks its own user up before it looks at anything else.
users()
{
	echo "Debian-exim $mail_uid $mail_gid"
}

configure()
{
	mkdir -p "$dir/spool" "$dir/exim" &&
	    chown "$mail_uid:$mail_gid" "$dir/spool" "$dir/exim" &&
	    chmod 711 "$dir/keys" &&
	    chown "$mail_uid" "$dir/keys/server.key" || return
	cat >"$dir/exim.conf" <<-END
	exim_path = $program
	spool_directory = /mnt/home/spool
	log_file_path = /mnt/home/exim/%slog
	daemon_startup_retries = 0
	pid_file_path = /mnt/home/exim/pid
	primary_hostname = relay.example.net
	local_interfaces = <; [127.0.0.1]:$STARTTLS; [127.0.0.1]:$TLS
	tls_on_connect_ports = $TLS
	tls_advertise_hosts = *
	tls_certificate = /mnt/home/server.pem
	tls_privatekey = /mnt/home/keys/server.key
	auth_advertise_hosts = \${if eq {\$tls_in_cipher}{}{}{*}}
	domainlist ours = example.com : example.org
	acl_smtp_mail = mail
	acl_smtp_rcpt = rcpt
	acl_smtp_data = accept
	deliver_drop_privilege = true
	keep_environment =
	host_lookup =
	rfc1413_hosts =
	disable_ipv6 = true
	never_users =

	begin acl
	mail:
	  accept authenticated = *
	  deny message = log in first
	rcpt:
	  deny recipients = refused@example.com
	    message = no such user here
	  accept domains = +ours
	  deny message = nothing leaves this machine

	begin routers
	inbox:
	  driver = accept
	  transport = inbox

	begin transports
	inbox:
	  driver = appendfile
	  maildir_format
	  directory = /mnt/home/mail
	  return_path_add
	  envelope_to_add

	begin authenticators
	PLAIN:
	  driver = plaintext
	  public_name = PLAIN
	  server_prompts = :
	  server_condition = \${if and {{eq {\$auth2}{alice}} \\
	    {eq {\$auth3}{s3cret pass}}}}
	LOGIN:
	  driver = plaintext
	  public_name = LOGIN
	  server_prompts = <| Username: | Password:
	  server_condition = \${if and {{eq {\$auth1}{alice}} \\
	    {eq {\$auth2}{s3cret pass}}}}
	CRAM:
	  driver = cram_md5
	  public_name = CRAM-MD5
	  server_secret = \${if eq {\$auth1}{alice}{s3cret pass}fail}
	END
}

run()
{
	exec "$program" -C /mnt/home/exim.conf -bdf
}
