# SPDX-License-Identifier: MIT
#
# Tests that are functions of a script, a line for each: sourced by those scripts. They have set `step_log`, a file, and "set -e". What a step
# prints after "tell: " is shown on its line.
# A script that has set `report_file` and `report_class` calls end_report at its end: the steps are a JUnit report then, for scripts/test.
passed=0
failed=0
cases=

escape() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/"/\&quot;/g' <<<"$1"; }

# report NAME [failure|skipped REASON]
report() {
	cases+="<testcase classname=\"$(escape "${report_class-}")\" name=\"$(escape "$1")\">${2:+<$2 message=\"$(escape "${3-}")\"/>}</testcase>"
}

end_report() {
	[ -z "${report_file-}" ] || printf '<testsuites><testsuite name="steps">%s</testsuite></testsuites>\n' "$cases" >"$report_file"
}

# step NAME FUNCTION: what it prints is shown when it fails. Run in the background, so that "set -e" holds inside.
step() {
	local status=0 began=$SECONDS
	(set -e; "$2") >"$step_log" 2>&1 &
	wait $! || status=$?
	if [ "$status" = 0 ]; then
		passed=$((passed + 1))
		report "$1"
		printf 'ok      %s (%d s)%s\n' "$1" $((SECONDS - began)) "$(sed -n 's/^tell: /: /p' "$step_log" | tail -n 1)"
	else
		failed=$((failed + 1))
		report "$1" failure "$(tail -n 3 "$step_log")"
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
