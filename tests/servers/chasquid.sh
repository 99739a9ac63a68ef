# SPDX-License-Identifier: ISC
#
# chasquid, which is written in Go; run as the owner of the mail.
#
# Adds Received; ends lines with CRLF.
# shellcheck shell=sh disable=SC2034,SC2154

have()
{
	find_program /usr/bin/chasquid-util || return
	util=$program
	find_program /usr/bin/chasquid
}

get()
{
	unpack chasquid
}

configure()
{
	certificate=$dir/config/certs/relay.example.net
	mkdir -p "$certificate" "$dir/data" \
	    "$dir/config/domains/example.com" \
	    "$dir/config/domains/example.org" &&
	    cp "$dir/server.pem" "$certificate/fullchain.pem" &&
	    cp "$dir/keys/server.key" "$certificate/privkey.pem" || return
	cat >"$dir/config/chasquid.conf" <<-END
	hostname: "relay.example.net"
	submission_address: "127.0.0.1:$STARTTLS"
	submission_over_tls_address: "127.0.0.1:$TLS"
	mail_delivery_agent_bin: "/mnt/home/deliver"
	mail_delivery_agent_args: "%from%"
	mail_delivery_agent_args: "%to%"
	data_dir: "/mnt/home/data"
	mail_log_path: "/mnt/home/data/maillog"
	END
}

# Whoever is no user of a domain is refused.
enter()
{
	for user in alice@example.org bob@example.com carol@example.org; do
		"$util" -C=/mnt/home/config user-add "$user" \
		    --password='s3cret pass' || return
	done
	chown -R "$mail_uid:$mail_gid" /mnt/home/config /mnt/home/data
}

run()
{
	exec setpriv --reuid "$mail_uid" --regid "$mail_gid" --clear-groups \
	    "$program" -config_dir=/mnt/home/config
}
