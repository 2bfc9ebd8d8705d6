#include "json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "text.h"
#include "verdict.h"

struct json {
	json_t *value;
	int failure; /* 0 or -errno, the first one */
};

/*
 * Left alone, jansson opens /dev/urandom for the seed of its hash tables, which a confined process
 * may not.  Only the first call has an effect.
 */
static void seed_tables(void)
{
	size_t seed;
	suite_random(&seed, sizeof(seed));
	json_object_seed(seed | 1);
}

static struct json *wrap(json_t *value)
{
	struct json *json = value == NULL ? NULL : malloc(sizeof(*json));
	if (json == NULL) {
		json_decref(value);
		return NULL;
	}
	*json = (struct json){.value = value};
	return json;
}

struct json *json_object_new(void)
{
	seed_tables();
	return wrap(json_object());
}

struct json *json_array_new(void)
{
	return wrap(json_array());
}

void json_free(struct json *json)
{
	if (json == NULL)
		return;
	json_decref(json->value);
	free(json);
}

static void fail(struct json *json, int failure)
{
	if (json != NULL && json->failure == 0)
		json->failure = failure;
}

/* Takes value over; NULL stands for one that could not be made. */
static void put(struct json *object, const char *key, json_t *value)
{
	if (object == NULL || !json_is_object(object->value)) {
		fail(object, -EINVAL);
		json_decref(value);
	} else if (json_object_set_new(object->value, key, value) < 0) {
		fail(object, -ENOMEM);
	}
}

static void add(struct json *array, json_t *value)
{
	if (array == NULL || !json_is_array(array->value)) {
		fail(array, -EINVAL);
		json_decref(value);
	} else if (json_array_append_new(array->value, value) < 0) {
		fail(array, -ENOMEM);
	}
}

static json_t *text_value(const char *text)
{
	if (text == NULL)
		return json_null();
	size_t len = strlen(text);
	if (text_is_utf8(text, len))
		return json_stringn_nocheck(text, len);
	size_t size = 4 * len + 1;
	char *escaped = malloc(size);
	if (escaped == NULL)
		return NULL;
	json_t *value = json_string_nocheck(text_escape(escaped, size, text, len));
	free(escaped);
	return value;
}

void json_set_text(struct json *object, const char *key, const char *value)
{
	put(object, key, text_value(value));
}

/* jansson holds signed 64 bits; a number beyond them must not come out as another one. */
static json_t *number_value(struct json *holder, uint64_t value)
{
	if (value > INT64_MAX) {
		fail(holder, -EOVERFLOW);
		return json_null();
	}
	return json_integer((json_int_t)value);
}

void json_set_number(struct json *object, const char *key, uint64_t value)
{
	put(object, key, number_value(object, value));
}

void json_set_signed(struct json *object, const char *key, int64_t value)
{
	put(object, key, json_integer(value));
}

void json_set_bool(struct json *object, const char *key, bool value)
{
	put(object, key, json_boolean(value));
}

void json_set_hex(struct json *object, const char *key, const uint8_t *data, size_t len)
{
	size_t size = 2 * len + 1;
	char *hex = malloc(size);
	put(object, key, hex == NULL ? NULL : json_string_nocheck(text_hex(hex, size, data, len)));
	free(hex);
}

void json_set_time(struct json *object, const char *key, uint64_t time_s)
{
	char text[64];
	json_set_text(object, key, time_s == 0 ? NULL : text_time(text, sizeof(text), time_s));
}

/* The value inside, with its failure passed on; the wrapping is gone after this. */
static json_t *unwrap(struct json *holder, struct json *child)
{
	if (child == NULL) {
		fail(holder, -ENOMEM);
		return json_null();
	}
	fail(holder, child->failure);
	json_t *value = child->value;
	free(child);
	return value;
}

void json_set_child(struct json *object, const char *key, struct json *child)
{
	put(object, key, unwrap(object, child));
}

void json_append(struct json *array, struct json *child)
{
	add(array, unwrap(array, child));
}

void json_append_text(struct json *array, const char *value)
{
	add(array, text_value(value));
}

void json_append_number(struct json *array, uint64_t value)
{
	add(array, number_value(array, value));
}

/*
 * Zero-terminated, freed by the caller.  json_dumps() would let its text grow as it goes, and where that fails
 * inside a key it goes on without it: so the text is measured first.
 */
static int dump(const struct json *json, size_t flags, char **out, size_t *len)
{
	if (json == NULL || json->failure != 0)
		return json == NULL ? -ENOMEM : json->failure;
	size_t size = json_dumpb(json->value, NULL, 0, flags);
	char *text = size == 0 ? NULL : malloc(size + 1);
	if (text == NULL)
		return -ENOMEM;
	if (json_dumpb(json->value, text, size, flags) != size) {
		free(text);
		return -ENOMEM;
	}
	text[size] = 0;
	*out = text;
	*len = size;
	return 0;
}

int json_print(const struct json *json, FILE *file)
{
	char *text = NULL;
	size_t len;
	/* dumped whole first, so that no memory is no half document */
	int result = dump(json, JSON_INDENT(2), &text, &len);
	if (result != 0)
		return result;
	errno = 0;
	bool failed = fputs(text, file) < 0 || fputc('\n', file) < 0 || fflush(file) < 0;
	result = !failed ? 0 : errno != 0 ? -errno : -EIO;
	free(text);
	return result;
}

int json_dump(const struct json *json, char **out, size_t *len)
{
	return dump(json, JSON_COMPACT, out, len);
}

int json_parse(struct json **out, const void *data, size_t len)
{
	if (len > JSON_BYTES_MAX)
		return VERDICT_BAD_PROTOCOL;
	seed_tables();
	json_error_t error;
	json_t *value = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);
	if (value == NULL)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM
									   : VERDICT_BAD_PROTOCOL;
	struct json *json = wrap(value);
	if (json == NULL)
		return -ENOMEM;
	*out = json;
	return 0;
}

struct json_view json_view_of(const struct json *json)
{
	return (struct json_view){.node = json == NULL ? NULL : json->value};
}

struct json_view json_get(struct json_view object, const char *key)
{
	return (struct json_view){.node = json_object_get(object.node, key)};
}

struct json_view json_at(struct json_view array, size_t index)
{
	return (struct json_view){.node = json_array_get(array.node, index)};
}

size_t json_count(struct json_view view)
{
	const json_t *node = view.node;
	return json_is_array(node) ? json_array_size(node) : json_object_size(node);
}

const char *json_key(struct json_view object, size_t index)
{
	union {
		const void *in;
		json_t *out; /* jansson iterates over what it could change */
	} node = {.in = object.node};
	void *at = json_object_iter(node.out);
	while (at != NULL && index-- > 0)
		at = json_object_iter_next(node.out, at);
	return at == NULL ? NULL : json_object_iter_key(at);
}

const char *json_text(struct json_view view)
{
	return json_string_value(view.node);
}

bool json_number(struct json_view view, uint64_t *out)
{
	const json_t *node = view.node;
	if (!json_is_integer(node) || json_integer_value(node) < 0)
		return false;
	*out = (uint64_t)json_integer_value(node);
	return true;
}

bool json_bool(struct json_view view, bool *out)
{
	const json_t *node = view.node;
	if (!json_is_boolean(node))
		return false;
	*out = json_is_true(node);
	return true;
}

const char *json_get_text(struct json_view object, const char *key, const char *otherwise)
{
	const char *text = json_text(json_get(object, key));
	return text != NULL ? text : otherwise;
}

uint64_t json_get_number(struct json_view object, const char *key, uint64_t otherwise)
{
	uint64_t value = otherwise;
	json_number(json_get(object, key), &value);
	return value;
}

bool json_get_bool(struct json_view object, const char *key, bool otherwise)
{
	bool value = otherwise;
	json_bool(json_get(object, key), &value);
	return value;
}
