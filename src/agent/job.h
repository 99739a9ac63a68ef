/* SPDX-License-Identifier: ISC */
/*
 * One message on its way, from what was asked for to what came of it.
 */
#ifndef AGENT_JOB_H
#define AGENT_JOB_H

#include <stdint.h>

#include "agent/identity.h"
#include "agent/recipients.h"
#include "agent/report.h"
#include "agent/submit.h"
#include "config/account.h"
#include "mail/compose.h"
#include "mail/envelope.h"
#include "mail/message.h"

struct config;
struct error;
struct invocation;

/*
 * The steps, in this order: the message is read into it (message_read), then
 * job_choose_account, job_address, job_compose, job_submit; job_report at the
 * end, however far it came.  What fails fills outcome.error where that is the
 * error that is passed.
 */
struct job {
	const struct invocation *inv;	/* borrowed */
	struct account account;		/* where outcome.account is set */
	struct message message;
	struct envelope envelope;
	struct submission submission;
	struct submit_result result;
	struct outcome outcome;
	struct identity identity;
	char *domain;		/* completes bare addresses */
	struct recipients recipients;	/* where outcome.account is set */
	char *message_id;
	int64_t started;
};

void	job_init(struct job *j, const struct invocation *inv);
void	job_release(struct job *j);

/* By -a, -f, the From field (account_load); the log goes where it says. */
int	job_choose_account(struct job *j, const struct config *config,
	    struct error *e);
/*
 * Sender and recipients; ERR_USAGE for arguments, ERR_MESSAGE for fields, and
 * what recipients_add says of aliases.
 */
int	job_address(struct job *j, struct error *e);
/* The header as it goes out, and what the relay must be able to do. */
int	job_compose(struct job *j, struct error *e);
/* Gets the password and submits; 0 when everybody was accepted. */
int	job_submit(struct job *j, struct error *e);

/* The three steps up to the relay; config is released on the way. */
int	job_prepare(struct job *j, struct config *config, struct error *e);

/*
 * Tells everybody who asked: --json, standard error, the log; as a server
 * (MODE_SERVER) the log alone.  Returns the exit status.
 */
int	job_report(struct job *j);

#endif
