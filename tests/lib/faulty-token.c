/*
 * faulty-token: a PKCS#11 module that is SoftHSM2 with one thing otherwise, as FAULTY_TOKEN says:
 *
 *   few, last, locked, unset   what the token says of its PIN
 *   pad                        the PIN is entered on the reader, which gets it right
 *   cancel                     as pad, but the person presses the red key
 *   locks                      a wrong PIN was one too many
 *   expired                    the PIN is right, but must be changed first
 *   gone                       the card is pulled out before it signs
 *   lie                        a bit of each signature is wrong
 *   short                      signatures end early
 *   no-modulus                 the private key tells nothing of its public part
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST *real;
static bool was_wrong;

static bool is(const char *fault)
{
	const char *set = getenv("FAULTY_TOKEN");
	return set != NULL && strcmp(set, fault) == 0;
}

static bool has_pad(void)
{
	return is("pad") || is("cancel");
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real->C_GetTokenInfo(slot, info);
	if (is("few"))
		info->flags |= CKF_USER_PIN_COUNT_LOW;
	if (is("last"))
		info->flags |= CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY;
	if (is("locked") || (is("locks") && was_wrong))
		info->flags |= CKF_USER_PIN_LOCKED;
	if (is("unset"))
		info->flags &= ~(CK_FLAGS)CKF_USER_PIN_INITIALIZED;
	if (has_pad())
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	return rv;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
	static CK_UTF8CHAR right[] = "246810";
	if (is("cancel"))
		return CKR_FUNCTION_CANCELED;
	if (is("expired"))
		return CKR_PIN_EXPIRED;
	if (has_pad() && pin != NULL)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = has_pad() ? real->C_Login(session, user, right, sizeof(right) - 1)
			     : real->C_Login(session, user, pin, len);
	was_wrong = rv == CKR_PIN_INCORRECT;
	return rv;
}

static CK_RV get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
			   CK_ULONG count)
{
	CK_OBJECT_CLASS class = 0;
	CK_ATTRIBUTE ask = {CKA_CLASS, &class, sizeof(class)};
	if (is("no-modulus") && attributes[0].type == CKA_MODULUS &&
	    real->C_GetAttributeValue(session, object, &ask, 1) == CKR_OK && class == CKO_PRIVATE_KEY)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	return real->C_GetAttributeValue(session, object, attributes, count);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *out, CK_ULONG *len)
{
	if (is("gone"))
		return CKR_DEVICE_REMOVED;
	CK_RV rv = real->C_Sign(session, data, data_len, out, len);
	if (is("lie"))
		out[*len - 1] ^= 1;
	if (is("short"))
		--*len;
	return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	static CK_FUNCTION_LIST list;
	void *library = dlopen(SOFTHSM, RTLD_NOW);
	CK_C_GetFunctionList get = NULL;
	if (library != NULL)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (get == NULL || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	list = *real;
	list.C_GetFunctionList = C_GetFunctionList;
	list.C_GetTokenInfo = get_token_info;
	list.C_Login = login;
	list.C_GetAttributeValue = get_attribute;
	list.C_Sign = sign;
	*out = &list;
	return CKR_OK;
}
