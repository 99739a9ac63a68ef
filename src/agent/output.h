/* SPDX-License-Identifier: ISC */
/*
 * What goes to standard output because somebody asked for it.
 */
#ifndef AGENT_OUTPUT_H
#define AGENT_OUTPUT_H

struct account;
struct buf;
struct error;
struct submission;

/* Writes to standard output, all of it, or ERR_IO. */
int	output_print(const struct buf *text, struct error *e);

/*
 * Account, envelope and message as they would go out, with LF line ends and
 * without doubled dots, as a person reads them.
 */
int	output_preview(const struct account *a, const struct submission *s,
	    struct error *e);

#endif
