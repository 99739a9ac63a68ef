/* SPDX-License-Identifier: ISC */
/*
 * Which account files are read, and from where; and the settings of --set.
 */
#include "config.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "config/file.h"
#include "config/path.h"
#include "runner.h"

static struct config c;
static struct error e;

/* The i-th setting is this one. */
static void
setting_is(size_t i, const char *section, enum key_id key, const char *value,
    const char *origin)
{
	ck_assert_uint_lt(i, c.count);
	ck_assert_str_eq(c.settings[i].section, section);
	ck_assert_int_eq(c.settings[i].key, key);
	ck_assert_str_eq(c.settings[i].value, value);
	ck_assert_str_eq(c.settings[i].origin, origin);
}

/* --set */

START_TEST(set)
{
	ck_assert_int_eq(config_set(&c, "port=25", &e), 0);
	setting_is(0, "", KEY_PORT, "25", "--set");
	ck_assert_int_eq(config_set(&c, "password= a=b ", &e), 0);
	setting_is(1, "", KEY_PASSWORD, " a=b ", "--set");
	ck_assert_int_eq(config_set(&c, "prot=25", &e), -1);
	ck_assert_int_eq(e.class, ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "did you mean 'port'?"));
	ck_assert_int_eq(config_set(&c, "zzzzzz=25", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "sendoff.conf(5)"));
	ck_assert_int_eq(config_set(&c, "port=0", &e), -1);
	ck_assert_int_eq(e.class, ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(e.text, "--set: port"));
	ck_assert_int_eq(config_set(&c, "port=", &e), -1);
	ck_assert_int_eq(e.class, ERR_USAGE);
	ck_assert_int_eq(config_set(&c, "port", &e), -1);
	ck_assert_int_eq(e.class, ERR_USAGE);
	ck_assert_int_eq(config_set(&c, "=25", &e), -1);
	ck_assert_int_eq(config_set(&c, "full_name=a\nport=1", &e), -1);
	ck_assert_int_eq(e.class, ERR_USAGE);
	ck_assert_uint_eq(c.count, 2);
}
END_TEST

START_TEST(set_length)
{
	char value[512];
	char *assignment;

	memset(value, 'x', sizeof(value));
	value[187] = '\0';
	assignment = xasprintf("full_name=%s", value);
	ck_assert_int_eq(config_set(&c, assignment, &e), 0);
	free(assignment);
	value[187] = 'x';
	value[300] = '\0';
	assignment = xasprintf("full_name=%s", value);
	ck_assert_int_eq(config_set(&c, assignment, &e), -1);
	ck_assert_int_eq(e.class, ERR_USAGE);
	free(assignment);
	assignment = xasprintf("password=%s", value);
	ck_assert_int_eq(config_set(&c, assignment, &e), 0);
	free(assignment);
}
END_TEST

/* Files */

static char *dir;

static void
make_dir(void)
{
	char name[] = "/tmp/sendoff-file-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(name));
	dir = xstrdup(name);
	config_init(&c);
	memset(&e, 0, sizeof(e));
}

static void
remove_dir(void)
{
	config_release(&c);
	remove_tree(dir);
	free(dir);
}

static char *
in_dir(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

/* Writes a file below dir with a mode; its path is owned by the caller. */
static char *
make_file(const char *name, const char *text, size_t len, mode_t mode)
{
	char *path = in_dir(name);
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(fsio_write_all(fd, text, len), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static char *
make_text(const char *name, const char *text, mode_t mode)
{
	return make_file(name, text, strlen(text), mode);
}

static int
load_fresh(const char *path)
{
	config_release(&c);
	config_init(&c);
	memset(&e, 0, sizeof(e));
	return config_load(&c, path, &e);
}

static void
load_refused(const char *path, const char *piece)
{
	ck_assert_msg(load_fresh(path) == -1, "'%s' is read", path);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_msg(strstr(e.text, path) != NULL, "%s", e.text);
	ck_assert_msg(strstr(e.text, piece) != NULL, "no '%s' in: %s", piece,
	    e.text);
}

START_TEST(file_kinds)
{
	char *fifo = in_dir("fifo"), *gone = in_dir("gone");
	char *good = make_text("good", "server = a\n", 0644);
	char *below = in_dir("good/x"), *loop = in_dir("loop");

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(symlink("loop", loop), 0);
	load_refused(fifo, "is a FIFO");
	load_refused(dir, "is a directory");
	load_refused("/dev/null", "is a device");
	load_refused(gone, "there is no account file");
	load_refused(below, "there is no account file");
	load_refused(loop, "cannot open");
	ck_assert_int_eq(load_fresh(good), 0);
	ck_assert_uint_eq(c.count, 1);
	free(fifo);
	free(gone);
	free(good);
	free(below);
	free(loop);
}
END_TEST

START_TEST(file_sizes)
{
	char *text, *path;
	bool found;

	text = xmalloc(CONFIG_FILE_MAX + 1);
	memset(text, '\n', CONFIG_FILE_MAX + 1);
	path = make_file("full", text, CONFIG_FILE_MAX, 0600);
	ck_assert_int_eq(config_read(&c, path, &found, NULL, &e), 0);
	ck_assert(found);
	free(path);
	path = make_file("over", text, CONFIG_FILE_MAX + 1, 0600);
	load_refused(path, "64 KiB");
	free(path);
	free(text);
}
END_TEST

/* A read error is the system's fault, not the file's: /proc has one. */
START_TEST(read_errors)
{
	ck_assert_int_eq(load_fresh("/proc/self/mem"), -1);
	ck_assert_int_eq(e.class, ERR_IO);
	ck_assert_ptr_nonnull(strstr(e.text, "Input/output error"));
}
END_TEST

START_TEST(password_modes)
{
	static const char text[] = "server = a\n[b]\npassword = hush\n";
	char *path, *link = in_dir("link");

	path = make_text("f", text, 0644);
	load_refused(path, "run chmod 600 '");
	ck_assert_ptr_null(strstr(e.text, "hush"));
	chmod(path, 0604);
	load_refused(path, "run chmod 600 '");
	chmod(path, 0640);
	ck_assert_int_eq(load_fresh(path), 0);
	chmod(path, 0600);
	ck_assert_int_eq(symlink("f", link), 0);
	ck_assert_int_eq(load_fresh(link), 0);
	free(path);
	path = make_text("f", "server = a\npassword_file = /x\n", 0644);
	ck_assert_int_eq(load_fresh(path), 0);
	free(path);
	free(link);
}
END_TEST

START_TEST(owners)
{
	char *path;

	if (geteuid() != 0) {
		printf("skip: a file of another user: only root makes one\n");
		return;
	}
	path = make_text("f", "server = a\n", 0600);
	ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
	load_refused(path, "belongs to user 12345");
	/* The same file is fine for its owner, and so is root's. */
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(seteuid(12345), 0);
	ck_assert_int_eq(load_fresh(path), 0);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chown(path, 0, (gid_t)-1), 0);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(seteuid(12345), 0);
	ck_assert_int_eq(load_fresh(path), 0);
	ck_assert_int_eq(seteuid(0), 0);
	free(path);
}
END_TEST

START_TEST(denied)
{
	char *system, *user, *owner, *gone = in_dir("gone");
	bool root = geteuid() == 0;

	/* Root may read everything, so it is somebody else for a while. */
	ck_assert_int_eq(chmod(dir, 0755), 0);
	system = make_text("system", "server = a\n", root ? 0600 : 0);
	user = make_text("user", "server = b\n", 0644);
	owner = xasprintf("the user '%s'", getpwuid(geteuid())->pw_name);
	if (root)
		ck_assert_int_eq(seteuid(12345), 0);
	ck_assert_int_eq(config_load_both(&c, system, user, &e), 0);
	ck_assert_uint_eq(c.count, 1);
	ck_assert_str_eq(c.settings[0].value, "b");
	config_release(&c);
	ck_assert_int_eq(config_load_both(&c, system, gone, &e), -1);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(e.text, "permission denied"));
	ck_assert_ptr_nonnull(strstr(e.text, owner));
	config_release(&c);
	ck_assert_int_eq(config_load_both(&c, system, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "permission denied"));
	/* Named, it is an error anyway. */
	load_refused(system, "permission denied");
	if (root)
		ck_assert_int_eq(seteuid(0), 0);
	free(owner);
	free(system);
	free(user);
	free(gone);
}
END_TEST

START_TEST(two_files)
{
	char *system, *user, *gone = in_dir("gone"), *bad;

	system = make_text("system", "server = a\nport = 25\n[h]\n", 0644);
	user = make_text("user", "port = 26\n[h]\nhelo = x\n[i]\n", 0644);
	ck_assert_int_eq(config_load_both(&c, system, user, &e), 0);
	ck_assert_uint_eq(c.count, 4);
	ck_assert_str_eq(c.settings[1].value, "25");
	ck_assert_str_eq(c.settings[2].value, "26");
	/* A section that both have is one. */
	ck_assert_uint_eq(c.section_count, 2);
	ck_assert_ptr_nonnull(strstr(c.files, "' and '"));
	config_release(&c);
	ck_assert_int_eq(config_load_both(&c, system, gone, &e), 0);
	config_release(&c);
	ck_assert_int_eq(config_load_both(&c, gone, user, &e), 0);
	config_release(&c);
	bad = make_text("bad", "sever = a\n", 0644);
	ck_assert_int_eq(config_load_both(&c, bad, user, &e), -1);
	config_release(&c);
	ck_assert_int_eq(config_load_both(&c, system, bad, &e), -1);
	config_release(&c);
	ck_assert_int_eq(config_load_both(&c, gone, gone, &e), -1);
	ck_assert_int_eq(e.class, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(e.text, gone));
	ck_assert_ptr_nonnull(strstr(e.text, "server = mail.example.org"));
	ck_assert_int_eq(config_load_both(&c, gone, NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "no home directory"));
	free(system);
	free(user);
	free(gone);
	free(bad);
}
END_TEST

START_TEST(user_places)
{
	char *sub, *path;

	sub = in_dir("sendoff");
	ck_assert_int_eq(mkdir(sub, 0700), 0);
	free(sub);
	path = make_text("sendoff/sendoff.conf", "helo = xdg\n", 0600);
	free(path);
	sub = in_dir(".config");
	ck_assert_int_eq(mkdir(sub, 0700), 0);
	free(sub);
	sub = in_dir(".config/sendoff");
	ck_assert_int_eq(mkdir(sub, 0700), 0);
	free(sub);
	path = make_text(".config/sendoff/sendoff.conf", "helo = home\n",
	    0600);
	free(path);
	setenv("XDG_CONFIG_HOME", dir, 1);
	setenv("HOME", "/nonexistent", 1);
	ck_assert_int_eq(load_fresh(NULL), 0);
	ck_assert_str_eq(c.settings[c.count - 1].value, "xdg");
	/* A relative one does not count. */
	setenv("XDG_CONFIG_HOME", "x", 1);
	setenv("HOME", dir, 1);
	ck_assert_int_eq(load_fresh(NULL), 0);
	ck_assert_str_eq(c.settings[c.count - 1].value, "home");
	unsetenv("XDG_CONFIG_HOME");
	ck_assert_int_eq(load_fresh(NULL), 0);
	ck_assert_str_eq(c.settings[c.count - 1].value, "home");
}
END_TEST

START_TEST(homes)
{
	char *home, *passwd;

	unsetenv("HOME");
	passwd = path_home();
	setenv("HOME", dir, 1);
	home = path_home();
	ck_assert_str_eq(home, dir);
	free(home);
	setenv("HOME", ".", 1);
	home = path_home();
	ck_assert_ptr_nonnull(home);
	ck_assert_str_eq(home, passwd);
	free(home);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(dir, 12345, (gid_t)-1), 0);
		setenv("HOME", dir, 1);
		home = path_home();
		ck_assert_str_eq(home, passwd);
		free(home);
	}
	free(passwd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("file");
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, make_dir, remove_dir);
	tcase_add_test(tc, set);
	tcase_add_test(tc, set_length);
	tcase_add_test(tc, file_kinds);
	tcase_add_test(tc, file_sizes);
	tcase_add_test(tc, read_errors);
	tcase_add_test(tc, password_modes);
	tcase_add_test(tc, owners);
	tcase_add_test(tc, denied);
	tcase_add_test(tc, two_files);
	tcase_add_test(tc, user_places);
	tcase_add_test(tc, homes);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
