# SPDX-License-Identifier: ISC
#
# What tests/postfix and tests/servers/control have in common: packages,
# certificates, ports and processes.  Read with ".", which needs $me, the
# name that goes before what is said; most of it is about the directory $dir.
#
# "a && b || c" is meant here: c is for the failure of either.
# shellcheck shell=sh disable=SC2015,SC2034,SC2154

say()
{
	printf '%s\n' "$me: $*" >&2
}

skip()
{
	say "$*"
	exit 77
}

die()
{
	say "$*"
	exit 1
}

# --- packages -------------------------------------------------------------

apt()
{
	DEBIAN_FRONTEND=noninteractive apt-get -q -y \
	    --no-install-recommends --no-remove \
	    -o DPkg::Lock::Timeout=120 -o APT::Sandbox::User=root "$@"
}

# A list of packages that is missing or old makes the first try fail.
apt_retry()
{
	apt "$@" || { apt update && apt "$@"; }
}

# Packages start their services unless this file says no; it is there only
# for as long as this runs, and one that is there already is left alone.
hold_services()
{
	policy=/usr/sbin/policy-rc.d
	[ ! -e "$policy" ] && [ ! -L "$policy" ] || return 0
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" ||
	    die "cannot write '$policy'"
}

is_installed()
{
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>&1 | grep -qx installed
}

# The libraries that packages $@ need and that are not there.
missing_libraries()
{
	for library in $(apt-cache depends --no-recommends --no-suggests \
	    --no-conflicts --no-breaks --no-replaces --no-enhances "$@" |
	    awk '$1 == "Depends:" && $2 ~ /^lib/ && $2 !~ /^libjs-/ {
	    print $2 }' | sort -u); do
		is_installed "$library" || echo "$library"
	done
}

# --- setting up -----------------------------------------------------------

# Sets $mail_uid and $mail_gid: who owns the mail, so that whoever called
# sudo can read it.
mail_owner()
{
	mail_uid=${SUDO_UID:-0}
	mail_gid=${SUDO_GID:-0}
	[ "$mail_uid" -eq 0 ] || return 0
	mail_uid=$(id -u nobody)
	mail_gid=$(id -g nobody)
}

# In $dir: ca.pem, the CA of server.pem, which names localhost and no
# address; other-ca.pem, a CA that signed nothing; keys/.
make_certificates()
(
	cd "$dir" && mkdir -m 700 keys || exit 1
	for name in ca other-ca server; do
		openssl ecparam -name prime256v1 -genkey -noout \
		    -out "keys/$name.key" || exit 1
	done
	for name in ca other-ca; do
		openssl req -x509 -new -sha256 -days 30 -key "keys/$name.key" \
		    -subj "/CN=sendoff test $name" -out "$name.pem" || exit 1
	done
	openssl req -new -sha256 -key keys/server.key -subj /CN=localhost \
	    -out keys/server.csr || exit 1
	{
		echo basicConstraints=critical,CA:FALSE
		echo keyUsage=critical,digitalSignature
		echo extendedKeyUsage=serverAuth
		echo subjectAltName=DNS:localhost
	} >keys/server.ext
	openssl x509 -req -sha256 -days 30 -in keys/server.csr -CA ca.pem \
	    -CAkey keys/ca.key -set_serial "0x$(openssl rand -hex 8)" \
	    -extfile keys/server.ext -out server.pem
)

# Writes $dir/ports, and reads it: for each name of $2... a port from the
# range below the ephemeral ones that nobody listens on; $1 makes another try
# choose others.
choose_ports()
{
	tables=/proc/net/tcp
	[ ! -r /proc/net/tcp6 ] || tables="$tables /proc/net/tcp6"
	try=$1
	shift
	# shellcheck disable=SC2086 # a list of files
	awk -v "seed=$$" -v "try=$try" -v "names=$*" '
	FNR > 1 { split($2, a, ":"); used[a[2]] = 1 }
	END {
		srand(seed * 7 + try)
		count = split(names, name, " ")
		for (n = 0; n < count;) {
			port = 10000 + int(rand() * 20000)
			hex = sprintf("%04X", port)
			if (hex in used)
				continue
			used[hex] = 1
			print name[++n] "=" port
		}
	}' $tables >"$dir/ports"
	# shellcheck disable=SC1091
	. "$dir/ports"
}

# $dir is emptied only if it was made here, which the file "ports" tells.
make_dir()
{
	if [ -e "$dir" ]; then
		stop
		[ -f "$dir/ports" ] || rmdir "$dir" 2>/dev/null ||
		    die "'$dir' is there and was not made by this"
		rm -rf "$dir"
	fi
	mkdir -p "$dir" && : >"$dir/ports" || die "cannot make '$dir'"
}

# --- processes ------------------------------------------------------------

# Whether process $1 is there and was started with $dir in its arguments.
is_ours()
{
	[ -n "$1" ] && [ -r "/proc/$1/cmdline" ] &&
	    tr '\0' '\n' <"/proc/$1/cmdline" | grep -qF "$dir/"
}

read_pid()
{
	tr -dc 0-9 2>/dev/null <"$1" || :
}

# Polls, for up to ten seconds, until the command $@ succeeds.
await()
{
	ticks=100
	until "$@"; do
		[ $((ticks -= 1)) -gt 0 ] || return 1
		sleep 0.1
	done
}

is_gone()
{
	! is_ours "$1"
}

# Ends the process of pid file $1, and waits for its end.
end_process()
{
	[ -f "$1" ] || return 0
	pid=$(read_pid "$1")
	is_ours "$pid" || return 0
	kill -TERM "$pid" 2>/dev/null
	! await is_gone "$pid" || return 0
	kill -KILL "$pid" 2>/dev/null
	say "process $pid of '$1' had to be killed"
}

# Whether all ports of 127.0.0.1 are open, asked of the kernel's table.
listening()
{
	for port in "$@"; do
		grep -q ":$(printf %04X "$port") 00000000:0000 0A" \
		    /proc/net/tcp || return 1
	done
}

# --- arguments ------------------------------------------------------------

# Whether $1 can be a directory's path here: it goes into configurations.
is_path()
{
	case $1 in
	*[!A-Za-z0-9._/+-]* | */../* | */..) return 1 ;;
	/?*) return 0 ;;
	esac
	return 1
}

# Goes on as root with the same arguments, or says that it cannot.
be_root()
{
	[ "$(id -u)" -ne 0 ] || return 0
	command -v sudo >/dev/null && sudo -n true 2>/dev/null ||
	    skip "needs root, and sudo does not give it without asking"
	exec sudo -n sh "$0" "$@"
}
