# SPDX-License-Identifier: MIT
#
# Tests that are functions of a script, a line for each: sourced by those scripts. They have set `step_log`, a file, and "set -e". What a step
# prints after "tell: " is shown on its line.
passed=0
failed=0

# step NAME FUNCTION: what it prints is shown when it fails. Run in the background, so that "set -e" holds inside.
step() {
	local status=0 began=$SECONDS
	(set -e; "$2") >"$step_log" 2>&1 &
	wait $! || status=$?
	if [ "$status" = 0 ]; then
		passed=$((passed + 1))
		printf 'ok      %s (%d s)%s\n' "$1" $((SECONDS - began)) "$(sed -n 's/^tell: /: /p' "$step_log" | tail -n 1)"
	else
		failed=$((failed + 1))
		printf 'FAILED  %s (%d s)\n' "$1" $((SECONDS - began))
		tail -n 30 "$step_log" | sed 's/^/        /'
	fi
}

refuses() { ! "$@"; }

# says TEXT COMMAND...: whether it succeeds or not.
says() {
	local text=$1 said
	shift
	said=$("$@" 2>&1 | tr -s '\n ' '  ') || true
	printf '%s\n' "$said"
	grep -qiF -- "$text" <<<"$said"
}
