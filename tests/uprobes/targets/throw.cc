// SPDX-License-Identifier: GPL-2.0
/*
 * throw.cc - exceptions through frames of probed functions: the unwinder finds its
 * way by return addresses alone, so they must be the program's own.
 *
 * throw [ROUNDS]
 */
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "account.h"

#define PLAIN __attribute__((noipa))

static long destroyed;

struct guard {
	long n;
	explicit guard(long n) : n(n) {}
	PLAIN ~guard();
};

guard::~guard()
{
	destroyed += n;
}

extern "C" {

PLAIN void throw_at_once()
{
	throw 5;
}

PLAIN long throw_deep(long n)
{
	guard g(n);

	if (!n)
		throw std::runtime_error("deep");
	return throw_deep(n - 1) + g.n;
}

PLAIN long throw_again(long n)
{
	guard g(1);

	try {
		return throw_deep(n);
	} catch (std::runtime_error &e) {
		destroyed += 1000;
		throw;
	}
}

PLAIN long throw_other(long n)
{
	try {
		throw_again(n);
	} catch (std::exception &e) {
		throw std::string(e.what()) + "er";
	}
	return 0;
}

/* a call as the very first instruction, and one in tail position */
PLAIN void throw_by_pointer(void (*f)())
{
	f();
	destroyed++;
}

PLAIN long throw_caught(long n)
{
	std::vector<long> v(n, 1);

	try {
		v.at(n) = 1;
	} catch (std::out_of_range &) {
		return v.size();
	}
	return -1;
}

PLAIN void throw_nothing() noexcept
{
	try {
		throw_at_once();
	} catch (...) {
	}
}
}

static void round_of(long x)
{
	long n = x % 7, caught = 0;

	destroyed = 0;
	try {
		throw_other(n);
	} catch (std::string &s) {
		caught += s == "deeper";
	}
	must_be(caught, 1, "an exception that was thrown on");
	/* 0 + 1 + ... + n, the guard of throw_again, its catch */
	must_be(destroyed, n * (n + 1) / 2 + 1001, "destructors");
	try {
		throw_by_pointer(throw_at_once);
	} catch (int i) {
		caught += i;
	}
	must_be(caught, 6, "an integer");
	must_be(throw_caught(n), n, "one of the library's");
	throw_nothing();
	account("throw_other", 1);
	account("throw_again", 1);
	account("throw_deep", n + 1);
	account("throw_by_pointer", 1);
	account("throw_at_once", 2);
	account("throw_caught", 1);
	account("throw_nothing", 1);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 10, x;

	for (x = 1; x <= rounds; x++)
		round_of(x);
	return account_end();
}
