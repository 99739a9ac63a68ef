/* SPDX-License-Identifier: ISC */
/*
 * sendoff: submits a message through an authenticated relay.  The only place
 * that ends the process (but for a lack of memory).
 */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/check.h"
#include "agent/deliver.h"
#include "agent/newaliases.h"
#include "agent/options.h"
#include "agent/server.h"
#include "agent/verify.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fsio.h"
#include "base/proc.h"

/* Bytes of what --help prints. */
#define HELP_MAX	(64 * 1024)

static int
complain(const struct error *e)
{
	fprintf(stderr, "sendoff: %s\n", e->text);
	return error_exit_status(e->class);
}

static int
print_info(const struct invocation *inv)
{
	struct buf out;
	struct error e;
	int rc;

	buf_init(&out, HELP_MAX);
	if (inv->mode == MODE_HELP)
		options_help(&out);
	else if (inv->mode == MODE_VERSION)
		buf_addf(&out, "sendoff %s\n", PACKAGE_VERSION);
	/* There is no queue: as JSON, a line for each of no entries. */
	else if (inv->mode == MODE_LIST_QUEUE && !inv->json)
		buf_adds(&out, "Mail queue is empty\n");
	rc = fsio_write_all(STDOUT_FILENO, out.data, out.len);
	buf_release(&out);
	if (rc == 0)
		return 0;
	error_set(&e, ERR_IO, "cannot write to standard output");
	return complain(&e);
}

int
main(int argc, char **argv)
{
	struct invocation inv;
	struct error e;
	int status;

	if (proc_start(&e) == -1)
		return complain(&e);
	options_init(&inv);
	if (options_parse(&inv, argc, argv, &e) == -1)
		status = complain(&e);
	else if (inv.mode == MODE_HELP || inv.mode == MODE_VERSION ||
	    inv.mode == MODE_LIST_QUEUE || inv.mode == MODE_FLUSH)
		status = print_info(&inv);
	else if (inv.mode == MODE_CHECK)
		status = check(&inv);
	else if (inv.mode == MODE_SERVER)
		status = serve(&inv);
	else if (inv.mode == MODE_VERIFY)
		status = verify(&inv);
	else if (inv.mode == MODE_ALIASES)
		status = newaliases(&inv);
	else
		status = deliver(&inv);
	options_release(&inv);
	return status;
}
