/* SPDX-License-Identifier: ISC */
/*
 * What a submission came to, told to each who asks: exit status, standard
 * error, --json, the log.
 */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct account;
struct buf;
struct envelope;
struct submit_result;

struct outcome {
	const struct account *account;		/* NULL: none chosen yet */
	const struct envelope *envelope;	/* NULL: none yet */
	const struct submit_result *result;	/* NULL: not tried */
	struct error error;		/* what stopped it; ERR_NONE */
	const char *message_id;		/* NULL: none yet */
	uint64_t size;
	int64_t milliseconds;
	const char *time;	/* RFC 3339, for the log; NULL: none */
};

/*
 * The exit status: the error's, or that of the worst recipient; 0 only where
 * all are accepted, or nothing was to be tried.
 */
int	report_status(const struct outcome *o);
/*
 * For standard error, nothing at status 0: the error, and once a relay was
 * tried each recipient, with who has got it and who has not.
 */
void	report_text(const struct outcome *o, struct buf *out);
/* One JSON object and a line feed. */
void	report_json(const struct outcome *o, struct buf *out);
/* One line for the log; format is "text" or "json" (with the time in it). */
void	report_log(const struct outcome *o, const char *format,
	    struct buf *out);

/*
 * What is well for now and will not be soon, at a time in seconds since 1970:
 * the relay's certificate ends within 14 days.  False where there is nothing.
 */
bool	report_warning(const struct outcome *o, int64_t now, struct buf *out);

/* "mail.example.org:587", or the socket's path; result may be NULL. */
void	report_relay(const struct account *a,
	    const struct submit_result *result, struct buf *out);

#endif
