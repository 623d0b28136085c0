/* SPDX-License-Identifier: MIT */
/*
 * An error that a person must understand: a negative errno for the code that decides, a sentence for the one who reads. It is filled
 * where the fault was seen and handed up unchanged; libraries never print. Lives on the caller's stack; a NULL error is allowed
 * everywhere and only loses the sentence.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#define TFL_ERROR_TEXT_MAX 512

struct tfl_error {
	int code; /* 0 or -errno */
	char text[TFL_ERROR_TEXT_MAX];
};

/** Fills @p error (may be NULL) and returns @p code, which must be negative. The text is cut, never split within UTF-8. */
int tfl_error_set(struct tfl_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Puts "prefix: " before the text that stands in @p error (may be NULL) and returns @p code: which model or file it was about. */
int tfl_error_prefix(struct tfl_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
