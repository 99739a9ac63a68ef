/* SPDX-License-Identifier: ISC */
/*
 * How a server proves that it knows the password, from what both have said:
 * SCRAM's signature (RFC 5802 section 3) and DIGEST-MD5's rspauth (RFC 2831
 * section 2.1.3).  With gnutls alone, so that libgsasl has something to be
 * held against.
 */
#ifndef TESTS_UNIT_PROOF_H
#define TESTS_UNIT_PROOF_H

struct buf;

/* What has been said, decoded; a NUL stands behind each. */
struct proof_talk {
	const char *mechanism;
	const char *password;
	const char *client_first;	/* SCRAM: with its GS2 header */
	const char *server_first;	/* SCRAM */
	const char *client_final;	/* or DIGEST-MD5's response */
};

/* "v=..." or "rspauth=..." into out; nothing where none can be made. */
void	proof_add(const struct proof_talk *t, struct buf *out);

#endif
