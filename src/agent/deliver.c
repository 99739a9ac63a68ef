/* SPDX-License-Identifier: ISC */
/*
 * One invocation, from its options to its exit status.  Nothing is said to a
 * relay before the message is read to its end and every address is checked.
 */
#include "config.h"

#include <unistd.h>

#include "agent/deliver.h"
#include "agent/job.h"
#include "agent/load.h"
#include "agent/options.h"
#include "agent/output.h"
#include "base/buf.h"
#include "base/log.h"
#include "config/file.h"

/* Bytes of an account that is printed. */
#define ACCOUNT_TEXT_MAX	(1024 * 1024)

/* Everything up to the relay. */
static int
prepare(struct job *j, struct config *config, struct error *e)
{
	if (load_config(config, j->inv, e) == -1 ||
	    message_read(&j->message, STDIN_FILENO, !j->inv->dot_ignored,
	    e) == -1)
		return -1;
	return job_prepare(j, config, e);
}

static int
print_config(struct job *j, struct config *config, struct error *e)
{
	struct buf out;
	int rc;

	if (load_config(config, j->inv, e) == -1 ||
	    job_choose_account(j, config, e) == -1)
		return -1;
	buf_init(&out, ACCOUNT_TEXT_MAX);
	account_print(&j->account, &out);
	rc = output_print(&out, e);
	buf_release(&out);
	return rc;
}

int
deliver(const struct invocation *inv)
{
	struct config config;
	struct job j;
	struct error *e = &j.outcome.error;
	int status;

	config_init(&config);
	job_init(&j, inv);
	/* Until an account says where the log goes. */
	if (inv->mode == MODE_SUBMIT)
		log_open("syslog", inv->tag == NULL ? "sendoff" : inv->tag,
		    NULL);
	if (inv->mode == MODE_PRINT_CONFIG)
		print_config(&j, &config, e);
	else if (prepare(&j, &config, e) == 0) {
		if (inv->mode != MODE_DRY_RUN)
			job_submit(&j, e);
		else if (!inv->json)
			output_preview(&j.account, &j.submission, e);
	}
	status = job_report(&j);
	log_close();
	job_release(&j);
	config_release(&config);
	return status;
}
