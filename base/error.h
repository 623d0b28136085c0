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

void tfl_error_fill(struct tfl_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void tfl_error_fill_prefix(struct tfl_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Both are macros whose value is the code itself, so that a compiler that follows "return tfl_error_set(error, -EINVAL, …)" sees a failure
 * and warns about nothing that is only set on success.
 */

/** Fills @p error (may be NULL) and gives @p code, which must be negative. The text is cut, never split within UTF-8. */
#define tfl_error_set(error, code, ...) \
	({ \
		int error_code_ = (code); \
		tfl_error_fill((error), error_code_, __VA_ARGS__); \
		error_code_; \
	})

/** Puts "prefix: " before the text that stands in @p error (may be NULL) and gives @p code: which model or file it was about. */
#define tfl_error_prefix(error, code, ...) \
	({ \
		int error_code_ = (code); \
		tfl_error_fill_prefix((error), __VA_ARGS__); \
		error_code_; \
	})

#endif
