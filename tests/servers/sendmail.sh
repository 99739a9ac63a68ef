# SPDX-License-Identifier: ISC
#
# sendmail, with Cyrus SASL.  It offers no STARTTLS where a directory on the
# way to its key may be written by others, such as /tmp; its namespace has
# none on the way to /mnt/home.
#
# Adds Received; ends lines with LF.
# shellcheck shell=sh disable=SC2034,SC2154

mechanisms='PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256'

have()
{
	find_program /usr/sbin/saslpasswd2 || return
	passwords=$program
	find_program /usr/libexec/sendmail/sendmail /usr/lib/sm.bin/sendmail ||
	    return
	rules=$root/usr/share/sendmail/cf
	[ -e "$rules/m4/cf.m4" ] || rules=/usr/share/sendmail/cf
	[ -e "$rules/m4/cf.m4" ] && command -v m4 >/dev/null
}

get()
{
	unpack sendmail-bin sendmail-cf sasl2-bin
	command -v m4 >/dev/null || apt_retry install m4 >&2 ||
	    skip "cannot install m4"
	is_installed libsasl2-modules ||
	    apt_retry install libsasl2-modules >&2 ||
	    skip "cannot install libsasl2-modules"
}

write_sasl()
{
	mkdir -p "$dir/sasl" && cat >"$dir/sasl/Sendmail.conf" <<-END
	pwcheck_method: auxprop
	auxprop_plugin: sasldb
	sasldb_path: /mnt/home/sasldb
	mech_list: $mechanisms
	END
}

configure()
{
	mkdir -p "$dir/queue" && write_sasl || return
	cat >"$dir/sendmail.mc" <<-END
	include(\`$rules/m4/cf.m4')
	VERSIONID(\`for tests')
	OSTYPE(\`linux')
	define(\`confDOMAIN_NAME', \`relay.example.net')
	define(\`QUEUE_DIR', \`/mnt/home/queue')
	define(\`confPID_FILE', \`/mnt/home/sendmail.pid')
	define(\`STATUS_FILE', \`')
	undefine(\`ALIAS_FILE')
	define(\`confSERVER_CERT', \`/mnt/home/server.pem')
	define(\`confSERVER_KEY', \`/mnt/home/keys/server.key')
	define(\`confCACERT', \`/mnt/home/ca.pem')
	define(\`confCACERT_PATH', \`/mnt/home')
	define(\`confAUTH_OPTIONS', \`p')
	define(\`confAUTH_MECHANISMS', \`$mechanisms')
	TRUST_AUTH_MECH(\`$mechanisms')
	define(\`confTRUSTED_USER', \`root')
	define(\`confDEF_USER_ID', \`$mail_uid:$mail_gid')
	define(\`confTO_IDENT', \`0')
	define(\`confDONT_PROBE_INTERFACES', \`true')
	define(\`confSERVICE_SWITCH_FILE', \`/mnt/home/switch')
	define(\`confDELIVERY_MODE', \`i')
	FEATURE(\`nocanonify')
	FEATURE(\`accept_unresolvable_domains')
	FEATURE(\`no_default_msa')
	DAEMON_OPTIONS(\`Name=S, Addr=127.0.0.1, Port=$STARTTLS, M=Ea')
	DAEMON_OPTIONS(\`Name=T, Addr=127.0.0.1, Port=$TLS, M=Eas')
	MAILER_DEFINITIONS
	Minbox, P=/mnt/home/deliver, F=DFMlnu8, U=$mail_uid:$mail_gid, T=DNS/RFC822/X-Unix, A=deliver \$g \$u
	LOCAL_CONFIG
	ESASL_CONF_PATH=/mnt/home/sasl
	LOCAL_RULE_0
	R\$+ <@ example.com \$* > \$*	\$#inbox \$@ here \$: \$1@example.com
	R\$+ <@ example.org \$* > \$*	\$#inbox \$@ here \$: \$1@example.org
	LOCAL_RULESETS
	SLocal_check_rcpt
	R\$*			\$: \$>3 \$1
	Rrefused <@ example.com \$* >	\$#error \$@ 5.1.1 \$: "550 no such"
	END
	printf 'hosts files\naliases files\n' >"$dir/switch"
	m4 "$dir/sendmail.mc" >"$dir/sendmail.cf"
}

enter()
{
	printf 's3cret pass' | "$passwords" -p -c -f /mnt/home/sasldb \
	    -u relay.example.net alice
}

run()
{
	exec "$program" -C/mnt/home/sendmail.cf -bD
}
