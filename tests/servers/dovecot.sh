# SPDX-License-Identifier: ISC
#
# Dovecot's submission service, which takes mail only while the relay behind
# it ($relay, a port) does.  Its programs must be of the very version of the
# dovecot that starts them.
#
# Adds Received.  What the relay records is what came out.
# shellcheck shell=sh disable=SC2154

have()
{
	find_program /usr/lib/dovecot/submission-login || return
	programs=${program%/*}
	program=$(command -v dovecot)
}

get()
{
	command -v dovecot >/dev/null || apt_retry install dovecot-core >&2 ||
	    skip "cannot install dovecot-core"
	version=$(dpkg-query -W -f '${Version}' dovecot-core) ||
	    skip "dovecot is not Debian's: no package goes with it"
	unpack "dovecot-submissiond=$version"
}

check_server()
{
	[ -n "$relay" ] || skip "needs the port of a relay"
	case $("$program" --version) in
	2.3.*) ;;
	*) skip "Dovecot $("$program" --version) has another configuration" \
	    "than 2.3's, which is all that there is here" ;;
	esac
}

configure()
{
	printf '%s\n' 'alice:{PLAIN}s3cret pass' >"$dir/passwd"
	chown dovecot "$dir/passwd" && chmod 600 "$dir/passwd" || return
	cat >"$dir/dovecot.conf" <<-END
	base_dir = /mnt/home/run
	state_dir = /mnt/home/state
	instance_name = sendoff-submission
	log_path = /dev/stderr
	listen = 127.0.0.1
	protocols = submission
	hostname = relay.example.net
	mail_location = maildir:/mnt/home/store
	ssl = required
	ssl_cert = </mnt/home/server.pem
	ssl_key = </mnt/home/keys/server.key
	auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
	auth_failure_delay = 0
	passdb {
	  driver = passwd-file
	  args = scheme=PLAIN /mnt/home/passwd
	}
	userdb {
	  driver = static
	  args = uid=$mail_uid gid=$mail_gid home=/mnt/home/store
	}
	submission_relay_host = 127.0.0.1
	submission_relay_port = $relay
	submission_max_mail_size = 50M
	service submission-login {
	  executable = $programs/submission-login
	  inet_listener submission {
	    port = $STARTTLS
	  }
	  inet_listener submissions {
	    port = $TLS
	    ssl = yes
	  }
	}
	service submission {
	  executable = $programs/submission
	}
	service anvil {
	  # Wrong passwords must not make the next test wait.
	  unix_listener anvil-auth-penalty {
	    mode = 0
	  }
	}
	END
	mkdir -p "$dir/store" && chown "$mail_uid:$mail_gid" "$dir/store"
}

run()
{
	exec "$program" -F -c /mnt/home/dovecot.conf
}
