#include "token.h"

#include <assert.h>
#include <errno.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tokenkey.h"
#include "trusted.h"
#include "verdict.h"

enum {
	SLOTS_MAX = 64,
	KEYS_MAX = 16,       /* that fit: two are too many */
	ATTRIBUTE_MAX = 600, /* an RSA-4096 modulus, an id */
};

struct token {
	P11KitUri *uri;
	CK_FUNCTION_LIST **modules; /* ended by NULL */
	CK_FUNCTION_LIST *only[2];  /* of module-path */
	CK_FUNCTION_LIST *module;   /* the token's */
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	char label[TOKEN_LABEL_BYTES];
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	bool is_rsa;
	bool can_leave;
	uint8_t modulus[RSA_BYTES];
	uint8_t public_key[SUITE_KEY_BYTES];
	bool asks_again;
	char *pin; /* in secret memory when it asks again; else NULL */
};

__attribute__((format(printf, 3, 4))) static int refuse(char *problem, int result, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(problem, TOKEN_PROBLEM_BYTES, format, arguments);
	va_end(arguments);
	return result;
}

bool token_is_uri(const char *where)
{
	return strncmp(where, "pkcs11:", 7) == 0;
}

/* "file:/path", "file:///path" or "/path"; NULL for anything else, as a command to run. */
static const char *pin_path(const char *source)
{
	if (strncmp(source, "file:", 5) == 0)
		source += 5;
	if (strncmp(source, "///", 3) == 0)
		source += 2;
	return source[0] == '/' && source[1] != '/' ? source : NULL;
}

/* What is wrong with a URI that can be parsed; NULL: nothing. */
static const char *judge_uri(P11KitUri *uri)
{
	const CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(uri, CKA_CLASS);
	const char *source = p11_kit_uri_get_pin_source(uri);
	const char *path = p11_kit_uri_get_module_path(uri);
	if (p11_kit_uri_get_pin_value(uri) != NULL)
		return "everybody can read the PIN in it; leave pin-value out, and change the PIN";
	if (source != NULL && pin_path(source) == NULL)
		return "pin-source is no absolute path of a file";
	if (p11_kit_uri_get_module_name(uri) != NULL)
		return "module-name is not taken; module-path is";
	if (path != NULL && path[0] != '/')
		return "module-path is no absolute path";
	if (class != NULL && *(const CK_OBJECT_CLASS *)class->pValue != CKO_PRIVATE_KEY)
		return "type is another than private; leave it out";
	return p11_kit_uri_any_unrecognized(uri) ? "something in it is not known" : NULL;
}

static int parse_uri(P11KitUri **out, const char *text, char *problem)
{
	P11KitUri *uri = p11_kit_uri_new();
	if (uri == NULL)
		return refuse(problem, -ENOMEM, "there is no memory");
	int parsed = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
	const char *wrong = parsed == P11_KIT_URI_OK ? judge_uri(uri) : p11_kit_uri_message(parsed);
	if (wrong == NULL)
		*out = uri;
	else
		p11_kit_uri_free(uri);
	return wrong == NULL ? 0 : refuse(problem, VERDICT_BAD_NAME, "%s", wrong);
}

static int result_of(CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
		return 0;
	case CKR_HOST_MEMORY:
	case CKR_DEVICE_MEMORY:
		return -ENOMEM;
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_TOKEN_NOT_RECOGNIZED:
	case CKR_DEVICE_REMOVED:
	case CKR_SESSION_CLOSED:
	case CKR_SESSION_HANDLE_INVALID:
		return -ENODEV;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
	case CKR_PIN_EXPIRED:
	case CKR_PIN_LOCKED:
	case CKR_USER_NOT_LOGGED_IN:
		return VERDICT_WRONG_PASSPHRASE;
	default:
		return -EIO;
	}
}

/* What the module says, in the words of p11-kit. */
static int fail(char *problem, CK_RV rv, const char *what)
{
	return refuse(problem, result_of(rv), "%s: %s", what, p11_kit_strerror(rv));
}

static enum token_tries tries_of(CK_FLAGS flags)
{
	if ((flags & CKF_USER_PIN_LOCKED) != 0)
		return TOKEN_TRIES_NONE;
	if ((flags & CKF_USER_PIN_FINAL_TRY) != 0)
		return TOKEN_TRIES_LAST;
	return (flags & CKF_USER_PIN_COUNT_LOW) != 0 ? TOKEN_TRIES_FEW : TOKEN_TRIES_LEFT;
}

static int load_modules(struct token *token, char *problem)
{
	const char *path = p11_kit_uri_get_module_path(token->uri);
	p11_kit_be_quiet(); /* what is to be said, the program says */
	if (path == NULL) {
		token->modules = p11_kit_modules_load_and_initialize(0);
		return token->modules != NULL
			       ? 0
			       : refuse(problem, -EIO, "the PKCS#11 modules cannot be loaded: %s", p11_kit_message());
	}
	int result = trusted_check(path, 022);
	if (result != 0)
		return refuse(problem, result, "the PKCS#11 module '%s': %s", path, verdict_explain(result));
	CK_FUNCTION_LIST *module = p11_kit_module_load(path, 0);
	if (module == NULL)
		return refuse(problem, -EIO, "'%s' is no PKCS#11 module: %s", path, p11_kit_message());
	CK_RV rv = p11_kit_module_initialize(module);
	if (rv != CKR_OK) {
		p11_kit_module_release(module);
		return fail(problem, rv, "the PKCS#11 module does not start");
	}
	token->only[0] = module;
	token->modules = token->only;
	return 0;
}

/* Whether the token in this slot fits, and is one with a PIN: not, say, a store of certificates. */
static bool slot_fits(const struct token *token, CK_FUNCTION_LIST *module, CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	const CK_FLAGS needed = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED;
	CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(token->uri);
	CK_SLOT_INFO about;
	return (wanted == (CK_SLOT_ID)-1 || wanted == slot) &&
	       module->C_GetSlotInfo(slot, &about) == CKR_OK &&
	       p11_kit_uri_match_slot_info(token->uri, &about) == 1 &&
	       module->C_GetTokenInfo(slot, info) == CKR_OK &&
	       p11_kit_uri_match_token_info(token->uri, info) == 1 && (info->flags & needed) == needed;
}

static size_t find_in_module(struct token *token, CK_FUNCTION_LIST *module)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG slot_count = SLOTS_MAX;
	size_t found = 0;
	CK_INFO about;
	if (module->C_GetInfo(&about) != CKR_OK || p11_kit_uri_match_module_info(token->uri, &about) != 1 ||
	    module->C_GetSlotList(CK_TRUE, slots, &slot_count) != CKR_OK)
		return 0;
	for (CK_ULONG i = 0; i < slot_count; i++) {
		CK_TOKEN_INFO info;
		if (!slot_fits(token, module, slots[i], &info))
			continue;
		token->module = module;
		token->slot = slots[i];
		token->info = info;
		found++;
	}
	return found;
}

static int find_token(struct token *token, char *problem)
{
	size_t found = 0;
	assert(token->modules != NULL);
	for (CK_FUNCTION_LIST **module = token->modules; *module != NULL; module++)
		found += find_in_module(token, *module);
	if (found == 0)
		return refuse(problem, -ENODEV, "no token with a PIN fits; is the card in its reader?");
	if (found > 1)
		return refuse(problem, VERDICT_BAD_NAME, "%zu tokens fit; say which with token= or serial=", found);
	/* PKCS#11 fills its texts with blanks */
	size_t len = p11_kit_space_strlen(token->info.label, sizeof(token->info.label));
	memcpy(token->label, token->info.label, len);
	if ((token->info.flags & CKF_USER_PIN_INITIALIZED) == 0)
		return refuse(problem, VERDICT_WRONG_PASSPHRASE, "its PIN has never been set");
	CK_RV rv = token->module->C_OpenSession(token->slot, CKF_SERIAL_SESSION, NULL, NULL, &token->session);
	return rv == CKR_OK ? 0 : fail(problem, rv, "it cannot be opened");
}

int token_open(struct token **out, const char *uri, char problem[static TOKEN_PROBLEM_BYTES])
{
	struct token *token = calloc(1, sizeof(*token));
	if (token == NULL)
		return refuse(problem, -ENOMEM, "there is no memory");
	int result = parse_uri(&token->uri, uri, problem);
	if (result == 0)
		result = load_modules(token, problem);
	if (result == 0)
		result = find_token(token, problem);
	if (result == 0)
		*out = token;
	else
		token_free(token);
	return result;
}

const char *token_label(const struct token *token)
{
	return token->label;
}

enum token_tries token_tries(const struct token *token)
{
	return tries_of(token->info.flags);
}

const char *token_pin_file(const struct token *token)
{
	const char *source = p11_kit_uri_get_pin_source(token->uri);
	return source == NULL ? NULL : pin_path(source);
}

bool token_has_pin_pad(const struct token *token)
{
	return (token->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
}

/* The length; 0 when the object has no such attribute, or one that does not fit. */
static size_t get(const struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out, size_t size)
{
	CK_ATTRIBUTE attribute = {type, out, size};
	bool is_there = token->module->C_GetAttributeValue(token->session, object, &attribute, 1) == CKR_OK;
	return is_there && attribute.ulValueLen <= size ? attribute.ulValueLen : 0;
}

static bool get_flag(const struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise)
{
	CK_BBOOL value;
	return get(token, object, type, &value, sizeof(value)) == sizeof(value) ? value != CK_FALSE : otherwise;
}

static CK_KEY_TYPE get_key_type(const struct token *token, CK_OBJECT_HANDLE object)
{
	CK_KEY_TYPE value;
	return get(token, object, CKA_KEY_TYPE, &value, sizeof(value)) == sizeof(value) ? value : CKK_VENDOR_DEFINED;
}

static CK_RV find(const struct token *token, CK_ATTRIBUTE *template, CK_ULONG count,
		  CK_OBJECT_HANDLE found[static KEYS_MAX], CK_ULONG *found_count)
{
	CK_RV rv = token->module->C_FindObjectsInit(token->session, template, count);
	if (rv != CKR_OK)
		return rv;
	rv = token->module->C_FindObjects(token->session, found, KEYS_MAX, found_count);
	CK_RV end = token->module->C_FindObjectsFinal(token->session);
	return rv != CKR_OK ? rv : end;
}

/* The private keys that fit the URI and may sign: one. */
static int find_key(struct token *token, char *problem)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[3] = {{CKA_CLASS, &class, sizeof(class)}};
	static const CK_ATTRIBUTE_TYPE named[] = {CKA_LABEL, CKA_ID};
	CK_ULONG count = 1, found_count = 0, fits = 0;
	CK_OBJECT_HANDLE found[KEYS_MAX];
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		const CK_ATTRIBUTE *wanted = p11_kit_uri_get_attribute(token->uri, named[i]);
		if (wanted != NULL)
			template[count++] = *wanted;
	}
	CK_RV rv = find(token, template, count, found, &found_count);
	if (rv != CKR_OK)
		return fail(problem, rv, "it cannot be searched");
	for (CK_ULONG i = 0; i < found_count; i++) {
		if (!get_flag(token, found[i], CKA_SIGN, false))
			continue;
		token->key = found[i];
		fits++;
	}
	if (fits == 0)
		return refuse(problem, VERDICT_BAD_NAME, "it has no private key for signing that fits");
	if (fits > 1)
		return refuse(problem, VERDICT_BAD_NAME, "%lu of its keys fit; say which with object= or id=", fits);
	return 0;
}

/* The public key object that has the private key's id, or the private key itself when there is none. */
static CK_OBJECT_HANDLE find_public(const struct token *token)
{
	uint8_t id[ATTRIBUTE_MAX];
	size_t id_len = get(token, token->key, CKA_ID, id, sizeof(id));
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE type = get_key_type(token, token->key);
	CK_ATTRIBUTE template[] = {
		{CKA_CLASS, &class, sizeof(class)}, {CKA_KEY_TYPE, &type, sizeof(type)}, {CKA_ID, id, id_len}};
	CK_OBJECT_HANDLE found[KEYS_MAX];
	CK_ULONG count = 0;
	if (id_len == 0 || find(token, template, 3, found, &count) != CKR_OK || count == 0)
		return token->key;
	return found[0];
}

static bool read_rsa(struct token *token, CK_OBJECT_HANDLE object)
{
	uint8_t n[ATTRIBUTE_MAX], e[ATTRIBUTE_MAX];
	size_t n_len = get(token, object, CKA_MODULUS, n, sizeof(n));
	size_t e_len = get(token, object, CKA_PUBLIC_EXPONENT, e, sizeof(e));
	if (!tokenkey_rsa(token->modulus, n, n_len, e, e_len))
		return false;
	rsa_public(token->public_key, token->modulus);
	token->is_rsa = true;
	return true;
}

static bool read_ed25519(struct token *token, CK_OBJECT_HANDLE object)
{
	uint8_t curve[ATTRIBUTE_MAX], point[ATTRIBUTE_MAX];
	size_t curve_len = get(token, object, CKA_EC_PARAMS, curve, sizeof(curve));
	size_t point_len = get(token, object, CKA_EC_POINT, point, sizeof(point));
	return tokenkey_ed25519(token->public_key, curve, curve_len, point, point_len);
}

static int read_key(struct token *token, char *problem)
{
	CK_KEY_TYPE type = get_key_type(token, token->key);
	CK_OBJECT_HANDLE public = find_public(token);
	token->can_leave = get_flag(token, token->key, CKA_EXTRACTABLE, true) ||
			   !get_flag(token, token->key, CKA_SENSITIVE, false);
	if (type == CKK_RSA && (read_rsa(token, token->key) || read_rsa(token, public)))
		return 0;
	if (type == CKK_EC_EDWARDS && read_ed25519(token, public))
		return 0;
	return refuse(problem, VERDICT_BAD_KEY,
		      "its key is neither RSA-2048 with exponent 65537 nor Ed25519, or its public key is not there");
}

static int fail_login(struct token *token, CK_RV rv, char *problem)
{
	static const char *const then[] = {
		[TOKEN_TRIES_LEFT] = "",
		[TOKEN_TRIES_FEW] = "; few tries are left before it locks",
		[TOKEN_TRIES_LAST] = "; the next wrong one locks it",
		[TOKEN_TRIES_NONE] = "; it is locked now, and who gave out the card can unlock it",
	};
	if (rv != CKR_PIN_INCORRECT)
		return fail(problem, rv, "it does not take the PIN");
	/* how it stands after this try */
	if (token->module->C_GetTokenInfo(token->slot, &token->info) != CKR_OK)
		token->info.flags = 0;
	return refuse(problem, VERDICT_WRONG_PASSPHRASE, "the PIN is wrong%s", then[token_tries(token)]);
}

/* A PIN that cannot be right must not cost a try. */
static int check_pin(const struct token *token, const char *pin, char *problem)
{
	size_t len = pin == NULL ? 0 : strlen(pin);
	CK_ULONG most = token->info.ulMaxPinLen;
	if (token_tries(token) == TOKEN_TRIES_NONE)
		return refuse(problem, VERDICT_WRONG_PASSPHRASE,
			      "its PIN is locked, and who gave out the card can unlock it");
	if (token_has_pin_pad(token))
		return 0;
	if (len == 0 || len < token->info.ulMinPinLen || (most != 0 && len > most))
		return refuse(problem, VERDICT_WRONG_PASSPHRASE,
			      "its PIN has %lu to %lu characters; this one was not tried", token->info.ulMinPinLen, most);
	return 0;
}

/* The library takes what it does not change as if it did. */
static CK_RV log_in(const struct token *token, CK_USER_TYPE user, const char *pin)
{
	CK_UTF8CHAR *bytes = (CK_UTF8CHAR *)(uintptr_t)pin;
	return token->module->C_Login(token->session, user, bytes, pin == NULL ? 0 : strlen(pin));
}

/* For a key that asks again before each signature. */
static int keep_pin(struct token *token, const char *pin, char *problem)
{
	token->asks_again = get_flag(token, token->key, CKA_ALWAYS_AUTHENTICATE, false);
	if (!token->asks_again || pin == NULL)
		return 0;
	size_t size = strlen(pin) + 1;
	token->pin = suite_secret_alloc(size);
	if (token->pin == NULL)
		return refuse(problem, -ENOMEM, "there is no memory that can be locked");
	memcpy(token->pin, pin, size);
	return 0;
}

int token_login(struct token *token, const char *pin, char problem[static TOKEN_PROBLEM_BYTES])
{
	if (token_has_pin_pad(token))
		pin = NULL;
	int result = check_pin(token, pin, problem);
	if (result != 0)
		return result;
	CK_RV rv = log_in(token, CKU_USER, pin);
	if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
		return fail_login(token, rv, problem);
	result = find_key(token, problem);
	if (result == 0)
		result = read_key(token, problem);
	return result != 0 ? result : keep_pin(token, pin, problem);
}

const uint8_t *token_modulus(const struct token *token)
{
	return token->is_rsa ? token->modulus : NULL;
}

const uint8_t *token_public_key(const struct token *token)
{
	return token->public_key;
}

bool token_key_can_leave(const struct token *token)
{
	return token->can_leave;
}

static CK_RV sign_message(const struct token *token, uint8_t *message, size_t len, struct signature *out)
{
	CK_MECHANISM mechanism = {token->is_rsa ? CKM_SHA256_RSA_PKCS : CKM_EDDSA, NULL, 0};
	CK_ULONG signature_len = sizeof(out->bytes);
	CK_RV rv = token->module->C_SignInit(token->session, &mechanism, token->key);
	if (rv == CKR_OK && token->asks_again)
		rv = log_in(token, CKU_CONTEXT_SPECIFIC, token->pin);
	if (rv == CKR_OK)
		rv = token->module->C_Sign(token->session, message, len, out->bytes, &signature_len);
	if (rv == CKR_OK && signature_len != out->len)
		rv = CKR_DEVICE_ERROR;
	return rv;
}

int token_sign(const struct token *token, struct signature *out, const char *domain, const void *data,
	       size_t len)
{
	struct signature signature = {.algorithm = SIGNATURE_ED25519, .len = SUITE_SIGNATURE_BYTES};
	assert(strlen(domain) <= SUITE_DOMAIN_BYTES);
	if (token->is_rsa)
		signature = (struct signature){.algorithm = SIGNATURE_RSA_2048, .len = RSA_BYTES};
	uint8_t *message = calloc(1, SUITE_DOMAIN_BYTES + len);
	if (message == NULL)
		return -ENOMEM;
	memccpy(message, domain, 0, SUITE_DOMAIN_BYTES);
	if (len > 0)
		memcpy(message + SUITE_DOMAIN_BYTES, data, len);
	CK_RV rv = sign_message(token, message, SUITE_DOMAIN_BYTES + len, &signature);
	free(message);
	if (rv == CKR_OK)
		*out = signature;
	return result_of(rv);
}

void token_free(struct token *token)
{
	if (token == NULL)
		return;
	suite_secret_free(token->pin);
	if (token->session != 0)
		(void)token->module->C_CloseSession(token->session);
	if (token->only[0] != NULL) {
		(void)p11_kit_module_finalize(token->only[0]);
		p11_kit_module_release(token->only[0]);
	} else if (token->modules != NULL) {
		p11_kit_modules_finalize_and_release(token->modules);
	}
	p11_kit_uri_free(token->uri);
	free(token);
}
