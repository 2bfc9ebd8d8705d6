/*
 * steal: tries to get a private key out of a token, with the PIN, and prints what it got, a word each:
 *
 *   steal MODULE TOKEN LABEL PIN
 *
 * modulus or curve: what everybody may know, so that it is seen that the token answers.  value, exponent,
 * prime-1, prime-2, exponent-1, exponent-2, coefficient: secret numbers; unlocked: the key can be made readable;
 * copied: a readable copy can be made; wrapped: it comes out under a key of ours.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MAX = 64, BYTES_MAX = 8192 };

static CK_FUNCTION_LIST *module;

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "steal: %s\n", what);
	exit(1);
}

static void load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	CK_C_GetFunctionList get = NULL;
	if (library != NULL)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	must(get != NULL && get(&module) == CKR_OK && module->C_Initialize(NULL) == CKR_OK, "no module");
}

static CK_SESSION_HANDLE open_token(const char *label, char *pin)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	CK_SESSION_HANDLE session = 0;
	must(module->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK, "no slots");
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;
		if (module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    memcmp(info.label, label, strlen(label)) != 0 || info.label[strlen(label)] != ' ')
			continue;
		must(module->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) ==
			     CKR_OK, "no session");
	}
	must(session != 0 && module->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)) == CKR_OK, "no login");
	return session;
}

static CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session, char *label)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_LABEL, label, strlen(label)}};
	CK_OBJECT_HANDLE key = 0;
	CK_ULONG count = 0;
	must(module->C_FindObjectsInit(session, template, 2) == CKR_OK &&
		     module->C_FindObjects(session, &key, 1, &count) == CKR_OK && count == 1 &&
		     module->C_FindObjectsFinal(session) == CKR_OK, "no such key");
	return key;
}

static void ask(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const char *name;
	} attributes[] = {
		{CKA_MODULUS, "modulus"}, {CKA_EC_PARAMS, "curve"}, {CKA_VALUE, "value"},
		{CKA_PRIVATE_EXPONENT, "exponent"}, {CKA_PRIME_1, "prime-1"}, {CKA_PRIME_2, "prime-2"},
		{CKA_EXPONENT_1, "exponent-1"}, {CKA_EXPONENT_2, "exponent-2"}, {CKA_COEFFICIENT, "coefficient"},
	};
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		uint8_t bytes[BYTES_MAX];
		CK_ATTRIBUTE attribute = {attributes[i].type, bytes, sizeof(bytes)};
		if (module->C_GetAttributeValue(session, key, &attribute, 1) == CKR_OK && attribute.ulValueLen != 0)
			printf("%s\n", attributes[i].name);
	}
}

static void unlock(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	CK_ATTRIBUTE readable[] = {{CKA_SENSITIVE, &no, sizeof(no)}, {CKA_EXTRACTABLE, &yes, sizeof(yes)}};
	CK_OBJECT_HANDLE copy;
	for (size_t i = 0; i < 2; i++) {
		if (module->C_SetAttributeValue(session, key, &readable[i], 1) == CKR_OK)
			puts("unlocked");
		if (module->C_CopyObject(session, key, &readable[i], 1, &copy) == CKR_OK)
			puts("copied");
	}
}

static void wrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_ULONG size = 32, len = BYTES_MAX;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = {{CKA_VALUE_LEN, &size, sizeof(size)}, {CKA_WRAP, &yes, sizeof(yes)}};
	CK_MECHANISM make = {CKM_AES_KEY_GEN, NULL, 0}, with = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
	CK_OBJECT_HANDLE ours;
	uint8_t bytes[BYTES_MAX];
	must(module->C_GenerateKey(session, &make, template, 2, &ours) == CKR_OK, "no wrapping key");
	if (module->C_WrapKey(session, &with, ours, key, bytes, &len) == CKR_OK)
		puts("wrapped");
}

int main(int argc, char **argv)
{
	must(argc == 5, "usage: steal MODULE TOKEN LABEL PIN");
	load(argv[1]);
	CK_SESSION_HANDLE session = open_token(argv[2], argv[4]);
	CK_OBJECT_HANDLE key = find_key(session, argv[3]);
	ask(session, key);
	wrap(session, key);
	unlock(session, key);
	return 0;
}
