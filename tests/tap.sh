# SPDX-License-Identifier: LGPL-2.1-or-later
# TAP for tests in bash; sourced.
number=0

# point NAME COMMAND…: a test point; what the command says is shown if it fails. It runs in this shell.
point() {
	local name=$1 status
	shift
	number=$((number + 1))
	"$@" >"${TMPDIR:-/tmp}/tap.$$" 2>&1
	status=$?
	if [ $status = 0 ]; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		sed 's/^/# /' "${TMPDIR:-/tmp}/tap.$$"
	fi
	rm -f "${TMPDIR:-/tmp}/tap.$$"
	return $status
}

skip() {
	number=$((number + 1))
	echo "ok $number $1 # SKIP $2"
}

# The whole program is skipped.
skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

tap_end() {
	echo "1..$number"
}
