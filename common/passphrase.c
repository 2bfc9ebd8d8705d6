#include "passphrase.h"

#include <time.h>

#include "identity.h"
#include "keycommand.h"
#include "verdict.h"

int passphrase_check(const char *passphrase, uint64_t now, const char **what)
{
	static const char *const kinds[] = {
		[IDENTITY_NUMBER] = "an identity number",
		[IDENTITY_HOUSEHOLD] = "a household number",
		[IDENTITY_BIRTH_DATE] = "a date of birth",
	};
	enum identity_kind kind = identity_in_passphrase(passphrase, now, PASSPHRASE_CHARACTERS_MIN);
	if (kind == IDENTITY_NONE)
		return VERDICT_OK;
	*what = kinds[kind];
	return VERDICT_WEAK_PASSPHRASE;
}

int passphrase_judge(const char *passphrase)
{
	const char *what;
	int result = passphrase_check(passphrase, (uint64_t)time(NULL), &what);
	if (result == 0)
		return EXIT_DONE;
	command_say("the passphrase is or contains what looks like %s, which others know; take words "
		    "that have nothing to do with a person's papers [%s]",
		    what, verdict_name(result));
	return EXIT_REFUSED;
}
