/* SPDX-License-Identifier: ISC */
/*
 * Where the log lines go: syslog, a file, or nowhere.
 *
 * The sink is the process's one mutable global.  A log that can't be written
 * never fails a submission.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

struct error;

/*
 * target: "syslog", "none" or an absolute path (appended to, made with mode
 * 0600).  tag: the name in front of each line.  The strings are borrowed until
 * log_close.  Only a file that can't be opened fails.
 */
int	log_open(const char *target, const char *tag, struct error *e);
/*
 * One line; failed makes it syslog's priority err instead of info.  In a file
 * time, tag and process stand before it, but where it is a JSON object.
 */
void	log_line(const char *line, bool failed);
void	log_close(void);

#endif
