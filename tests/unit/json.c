#include "common/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static void is_dump(struct json *json, const char *wanted, const char *sentence)
{
	char *text = NULL;
	size_t len = 0;
	int result = json_dump(json, &text, &len);
	is_text(result == 0 ? text : NULL, wanted, "%s", sentence);
	free(text);
	json_free(json);
}

static void test_writing(void)
{
	static const uint8_t bytes[] = {0x01, 0xfe};
	struct json *object = json_object_new(), *list = json_array_new();
	json_set_text(object, "z", "王 \"q\"\n");
	json_set_number(object, "n", INT64_MAX);
	json_set_signed(object, "m", -5);
	json_set_bool(object, "yes", true);
	json_set_hex(object, "key", bytes, sizeof(bytes));
	json_set_time(object, "at", 1795420800);
	json_set_time(object, "never", 0);
	json_set_text(object, "nothing", NULL);
	json_append_text(list, "a");
	json_append_number(list, 1);
	json_append(list, json_object_new());
	json_set_child(object, "list", list);
	is_dump(object,
		"{\"z\":\"王 \\\"q\\\"\\n\",\"n\":9223372036854775807,\"m\":-5,\"yes\":true,"
		"\"key\":\"01fe\",\"at\":\"2026-11-23T08:00:00Z\",\"never\":null,\"nothing\":null,"
		"\"list\":[\"a\",1,{}]}",
		"every kind of value is written, in the order it was set");
	object = json_object_new();
	json_set_text(object, "name", "a\xff" "b");
	is_dump(object, "{\"name\":\"a\\\\xffb\"}", "text that is not UTF-8 is escaped");
	object = json_object_new();
	json_set_number(object, "n", 1);
	json_set_number(object, "n", 2);
	is_dump(object, "{\"n\":2}", "a key set again replaces its value");
}

static void test_failures_stick(void)
{
	char *text = NULL;
	size_t len = 0;
	struct json *object = json_object_new(), *child = json_object_new();
	json_set_number(child, "n", (uint64_t)INT64_MAX + 1);
	json_set_child(object, "child", child);
	json_set_number(object, "good", 1);
	is_number(json_dump(object, &text, &len), -EOVERFLOW,
		  "a number that does not fit fails the whole document");
	ok(text == NULL, "and nothing is written");
	is_number(json_print(object, stdout), -EOVERFLOW, "nor printed");
	json_free(object);
	object = json_object_new();
	json_set_child(object, "child", NULL);
	is_number(json_dump(object, &text, &len), -ENOMEM,
		  "a child that could not be made fails the document");
	json_free(object);
	object = json_array_new();
	json_set_number(object, "n", 1);
	is_number(json_dump(object, &text, &len), -EINVAL, "an array has no keys");
	json_free(object);
	is_number(json_dump(NULL, &text, &len), -ENOMEM, "NULL stands for no memory");
	json_set_text(NULL, "a", "b");
	json_append(NULL, json_object_new());
	json_free(NULL);
	ok(true, "and every function takes it");
}

static void test_print(void)
{
	char buffer[64] = "";
	FILE *file = fmemopen(buffer, sizeof(buffer), "w");
	struct json *object = json_object_new();
	json_set_number(object, "n", 1);
	is_number(json_print(object, file), 0, "a document is printed");
	fclose(file);
	is_text(buffer, "{\n  \"n\": 1\n}\n", "indented, with a line feed at its end");
	file = fopen("/dev/full", "w");
	is_number(json_print(object, file), -ENOSPC, "a full disk is told");
	fclose(file);
	json_free(object);
}

static void test_reading(void)
{
	static const char text[] = "{\"t\":\"x\",\"n\":5,\"neg\":-1,\"big\":1e3,\"b\":true,"
				   "\"a\":[1,{\"deep\":\"y\"}],\"null\":null}";
	struct json *json = NULL;
	uint64_t n = 9;
	bool b = false;
	is_number(json_parse(&json, text, strlen(text)), 0, "a document is read");
	struct json_view root = json_view_of(json);
	is_text(json_get_text(root, "t", ""), "x", "a text is got");
	is_number((int64_t)json_get_number(root, "n", 0), 5, "a number is got");
	ok(json_bool(json_get(root, "b"), &b) && b, "a boolean is got");
	ok(json_get_bool(root, "b", false), "in the short way, too");
	is_number((int64_t)json_count(json_get(root, "a")), 2, "an array has a count");
	is_number((int64_t)json_count(root), 7, "an object, too");
	is_number((int64_t)json_count(json_get(root, "t")), 0, "a text has none");
	is_text(json_key(root, 0), "t", "an object has a first key");
	ok(json_key(root, 6) != NULL && json_key(root, 7) == NULL, "and a last one");
	ok(json_key(json_get(root, "t"), 0) == NULL && json_key((struct json_view){NULL}, 0) == NULL,
	   "a text has none, nor has nothing");
	is_text(json_get_text(json_at(json_get(root, "a"), 1), "deep", ""), "y",
		"a path is followed");
	ok(json_get(root, "none").node == NULL, "what is not there is an empty view");
	ok(json_at(json_get(json_get(root, "none"), "x"), 3).node == NULL, "also further down");
	is_text(json_get_text(root, "n", "other"), "other", "a number is no text");
	ok(!json_number(json_get(root, "neg"), &n) && n == 9, "a negative number is not from 0");
	ok(!json_number(json_get(root, "big"), &n), "a number with an exponent is not whole");
	ok(!json_bool(json_get(root, "n"), &b), "a number is no boolean");
	json_free(json);
}

static void test_refusals(void)
{
	static const char *const bad[] = {"",
					  " ",
					  "{",
					  "{}x",
					  "[1,]",
					  "\"text\"",
					  "5",
					  "{\"a\":1,\"a\":2}",
					  "{\"a\":\"\xff\"}",
					  "{'a':1}",
					  "{\"a\":99999999999999999999}"};
	static const char text[] = "{\"a\":[{\"b\":\"c\"}]}";
	struct json *json = NULL;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_number(json_parse(&json, bad[i], strlen(bad[i])), VERDICT_BAD_PROTOCOL,
			  "bad document %zu is refused", i);
	bool all_refused = true;
	for (size_t len = 0; len < strlen(text); len++)
		all_refused = all_refused && json_parse(&json, text, len) == VERDICT_BAD_PROTOCOL;
	ok(all_refused, "every truncation is refused");
	size_t deep = 100000;
	char *nest = malloc(deep);
	memset(nest, '[', deep);
	is_number(json_parse(&json, nest, deep), VERDICT_BAD_PROTOCOL,
		  "a document nested without end is refused");
	free(nest);
	ok(json == NULL, "a refusal leaves the output alone");
}

int main(void)
{
	suite_start();
	test_writing();
	test_failures_stick();
	test_print();
	test_reading();
	test_refusals();
	return done_testing();
}
