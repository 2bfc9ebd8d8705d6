#include "common/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

static char problem[TOKEN_PROBLEM_BYTES];

static int try_open(const char *uri)
{
	struct token *token = NULL;
	problem[0] = 0;
	int result = token_open(&token, uri, problem);
	token_free(token);
	return result;
}

/* Each refused before any module is looked at. */
static void test_refused_uris(void)
{
	static const struct {
		const char *uri, *said;
	} cases[] = {
		{"pkcs11", "scheme"},
		{"pkcs11:token", "syntax"},
		{"pkcs11:token=%zz", "encoding"},
		{"pkcs11:token=a?pin-value=1234", "everybody can read"},
		{"pkcs11:token=a?pin-source=|cat", "pin-source"},
		{"pkcs11:token=a?pin-source=pin", "pin-source"},
		{"pkcs11:token=a?pin-source=file:pin", "pin-source"},
		{"pkcs11:token=a?pin-source=file://host/pin", "pin-source"},
		{"pkcs11:token=a?module-name=opensc", "module-name"},
		{"pkcs11:token=a?module-path=opensc.so", "absolute"},
		{"pkcs11:token=a;type=public", "type"},
		{"pkcs11:token=a;type=cert", "type"},
		{"pkcs11:token=a;colour=red", "not known"},
		{"pkcs11:token=a;type=spoon", "not known"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_number(try_open(cases[i].uri), VERDICT_BAD_NAME, "'%s' is refused", cases[i].uri);
		ok(problem[0] != 0 && strstr(problem, "1234") == NULL, "with words, and no PIN in them: '%s'", problem);
		ok(strstr(problem, cases[i].said) != NULL, "they name %s", cases[i].said);
	}
}

static void test_modules(void)
{
	char uri[512];
	is_number(try_open("pkcs11:token=a;type=private?module-path=/none/x.so&pin-source=file:///none/pin"), -ENOENT,
		  "a module that is not there");
	ok(strstr(problem, "/none/x.so") != NULL, "is named: '%s'", problem);
	const char *path = test_path("module.so");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	fchmod(fd, 0666);
	close(fd);
	snprintf(uri, sizeof(uri), "pkcs11:token=a?module-path=%s", path);
	is_number(try_open(uri), VERDICT_LOOSE_PERMISSIONS, "one that others can change is not loaded");
	chmod(path, 0644);
	is_number(try_open(uri), -EIO, "a file that is no module is not used");
	ok(strstr(problem, "no PKCS#11 module") != NULL, "and this is said: '%s'", problem);
	snprintf(uri, sizeof(uri), "pkcs11:token=a?module-path=%s", test_dir());
	is_number(try_open(uri), VERDICT_NOT_REGULAR, "a directory is no module");
}

static void test_names(void)
{
	ok(token_is_uri("pkcs11:") && token_is_uri("pkcs11:token=a"), "what begins with pkcs11: is a URI");
	ok(!token_is_uri("pkcs11") && !token_is_uri("/pkcs11:") && !token_is_uri(""), "and nothing else");
	token_free(NULL);
	ok(true, "freeing nothing is fine");
}

int main(void)
{
	suite_start();
	test_names();
	test_refused_uris();
	test_modules();
	return done_testing();
}
