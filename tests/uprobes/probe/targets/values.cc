// SPDX-License-Identifier: GPL-2.0
// values.cc - values of all kinds of C++; see values.c.
// clang-format off
#include <cstdarg>
#include <cstdio>

#define noinline __attribute__((noinline))

static volatile int sink;

static noinline void say(const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("%s ", name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	sink = sink + 1;
}

namespace shop {

int stock = 12;
namespace inner { long depth = -4; }
enum class Color : unsigned char { Red, Green = 7 };
struct Base { int id; virtual ~Base() {} };
struct Tag { short t; };

class Item : public Base, public Tag {
public:
	double price;
	Color color;
	const char *name;
	Item *next;
	static int made;

	Item(int i, double p) : price(p), color(Color::Green), name("thing"), next(this) { id = i; t = i + 1; made++; }
	noinline void method(int count, const Item &other)
	{
		sink = sink + 1;
		say("method", "price=%g implied=%g id=%d t=%d count=%d other_id=%d color=%s", this->price, price, this->id, this->t, count, other.id, color == Color::Green ? "Green" : "?"); /*@ this->price implied=price this->id this->t count other_id=other.id color */
	}
	noinline int constant() const
	{
		sink = sink + 1;
		say("constant", "id=%d made=%d stock=%d", id, made, stock); /*@ id made=shop::Item::made stock */
		return id;
	}
};

int Item::made = 0;

noinline void references(int &r, const double &d, Item &&moved, int *&rp)
{
	sink = sink + 1;
	say("references", "r=%d d=%g price=%g rp=%d", r, d, moved.price, *rp); /*@ r d moved.price rp=*rp */
}

template <typename T> noinline void templates(T value, T *p)
{
	sink = sink + 1;
	say("templates", "v=%d p=%d", (int)value, (int)*p); /*@ v=value p=*p */
}

noinline void globals(int x)
{
	sink = sink + 1;
	say("globals", "x=%d stock=%d qualified=%d depth=%ld made=%d", x, stock, stock, inner::depth, Item::made); /*@ x stock qualified=shop::stock depth=shop::inner::depth made=shop::Item::made */
}

noinline void enums(Color c, bool flag, char16_t wide)
{
	sink = sink + 1;
	say("enums", "c=%s flag=%s wide='%c'", c == Color::Green ? "Green" : "?", flag ? "true" : "false", (char)wide); /*@ c flag wide */
}

}

int main(int argc, char **argv)
{
	shop::Item first(argc + 40, 2.5), second(argc + 50, 3.5);
	int n = argc + 5, *p = &n;

	first.method(argc + 2, second);
	sink = first.constant();
	shop::references(n, 1.25, shop::Item(argc, 7.5), p);
	short s9 = argc + 9;
	shop::templates<short>(argc + 8, &s9);
	shop::globals(argc);
	shop::enums(shop::Color::Green, argc == 1, u'w');
	return 0;
}
