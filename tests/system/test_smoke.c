/* SPDX-License-Identifier: MIT */
/*
 * One start, one inference, one stop. It is also what tests the harness: against a tfld that ends badly (bad-tfld) this suite has to fail.
 */
#include <unistd.h>

#include "tests/system/harness.h"
#include "tests/system/models.h"
#include "tests/system/suites.h"
#include "tests/system/wire.h"

START_TEST(starts_answers_and_stops)
{
	struct daemon tfld;
	int fd;

	daemon_prepare(&tfld);
	add_tiny(&tfld);
	daemon_start(&tfld, NULL);
	daemon_wait_ready(&tfld);
	fd = daemon_connect(&tfld);
	send_tiny(fd, 1, 0);
	expect_tiny(fd, 1);
	close(fd);
	daemon_stop(&tfld);
}
END_TEST

Suite *smoke_suite(void)
{
	Suite *suite = suite_create("smoke");
	TCase *tcase = tcase_create("smoke");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, starts_answers_and_stops);
	suite_add_tcase(suite, tcase);
	return suite;
}
