// SPDX-License-Identifier: GPL-2.0
// returns.c - functions that return in all ways; the caller says what it got
// clang-format off
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __clang__
#define kept __attribute__((noinline))
#else
#define kept __attribute__((noipa))
#endif

struct two { double x, y; };
struct mixed { long n; double d; };
struct big { long v[4]; };
struct small { int a; short b; };
typedef int lanes __attribute__((vector_size(16)));
typedef short few_lanes __attribute__((vector_size(8)));
struct lane { lanes v; };
union overlay { lanes v; double d[2]; };
struct bits { long a : 40; long b : 20; double d; };
struct packed { char c; double d; } __attribute__((packed));
struct extended { long double x; };
union kinds { long double x; long a[2]; };
enum kind { LOW, HIGH = 3 };

static volatile int side;
static jmp_buf back;

static kept int early(int x) { if (x & 1) return x * 2; side++; return -x; }
static kept double real(int x) { side++; return x * 1.5; }
static kept float single(int x) { side++; return x * 0.5f; }
static kept struct two two(int x) { side++; return (struct two){x, -x}; }
static kept struct mixed mixed(int x) { side++; return (struct mixed){x, x + 0.25}; }
static kept struct big big(int x) { side++; return (struct big){{x, 2, 3, 4}}; }
static kept struct small small(int x) { side++; return (struct small){x, x + 1}; }
static kept lanes vector(int x) { side++; return (lanes){x, x + 1, x + 2, -x}; }
static kept few_lanes few(int x) { side++; return (few_lanes){x, x + 1, x + 2, -x}; }
static kept struct lane lane(int x) { side++; return (struct lane){{x, 2, 3, 4}}; }
static kept union overlay overlay(int x) { side++; return (union overlay){.v = {x, 2, 3, x}}; }
static kept struct bits bits(int x) { side++; return (struct bits){x, -x, x / 2.}; }
static kept struct packed packed(int x) { side++; return (struct packed){'a' + x, x / 2.}; }
static kept struct extended extended(int x) { side++; return (struct extended){x}; }
static kept union kinds kinds(int x) { side++; return (union kinds){.x = x + 0.5}; }
static kept _Complex double complex_number(int x) { side++; return x + (x - 3) * 1.0i; }
static kept _Complex long double wide_complex(int x) { side++; return x + (x - 3) * 1.0il; }
static kept const char *text(int x) { side++; return x & 1 ? "odd" : "even"; }
static kept enum kind kind(int x) { side++; return x > 3 ? HIGH : LOW; }
static kept _Bool flag(int x) { side++; return x > 2; }
static kept int last(int x) { side++; if (x > 2) return x; return early(x + 1); }
static kept void nothing(int x) { side = x; }
static kept int recursive(int n) { return n > 0 ? recursive(n - 1) * 3 + n : 1; }
static kept int indirect(int x, int (*f)(int)) { side++; return f(x); }
static kept int choice(int x)
{
	switch (x) {
	case 0: return side + 5;
	case 1: side++; break;
	case 2: return early(7);
	case 3: side += 3; break;
	case 4: return 99;
	case 5: side *= 2; break;
	case 6: return (int)real(side);
	}
	return x;
}
static __attribute__((noinline, cold)) void complain(int x) { side += x; }
static kept int rarely(int x) { if (__builtin_expect(x == 3, 0)) { complain(x); return side - side - 1; } return x; }
/* a case that only the table of the switch leads to, in the part that is seldom executed */
static kept void sorted(int x)
{
	switch (x) {
	case 0: side = 5; break;
	case 1: side++; break;
	case 2: side *= 3; break;
	case 3: complain(x); break;
	case 4: side -= 3; break;
	case 5: side ^= 7; break;
	}
}
static kept int told(int x)
{
	switch (x) {
	case 0: side = 5; break;
	case 1: side++; break;
	case 2: side *= 3; break;
	case 3: complain(x); return side - side - 3;
	case 4: side -= 3; break;
	case 5: side ^= 7; break;
	}
	return x;
}
/* what ends in a table of functions is no switch, not even where the first of them is itself */
typedef int (*step_t)(int);
extern const step_t steps[4];
kept int step(int n) { side++; return n <= 0 ? 1 : steps[n & 3](n - 1); }
static kept int other_step(int n) { return n <= 0 ? 2 : steps[n & 3](n - 1); }
const step_t steps[4] = {step, other_step, step, other_step};
static kept int away(int x) { if (x == 4) longjmp(back, 1); return x; }

int main(void)
{
	volatile int i;

	for (i = 0; i < 7; i++) {
		struct two t;
		struct mixed m;
		struct big b;
		struct small s;

		printf("early %d\n", early(i));
		printf("real %g\n", real(i));
		printf("single %g\n", single(i));
		t = two(i); printf("two {x=%g,y=%g}\n", t.x, t.y + 0.);
		m = mixed(i); printf("mixed {n=%ld,d=%g}\n", m.n, m.d);
		b = big(i); printf("big {v={%ld,%ld,%ld,%ld}}\n", b.v[0], b.v[1], b.v[2], b.v[3]);
		s = small(i); printf("small {a=%d,b=%d}\n", s.a, s.b);
		lanes v = vector(i); printf("vector {%d,%d,%d,%d}\n", v[0], v[1], v[2], v[3]);
		few_lanes f = few(i); printf("few {%d,%d,%d,%d}\n", f[0], f[1], f[2], f[3]);
		v = lane(i).v; printf("lane {v={%d,%d,%d,%d}}\n", v[0], v[1], v[2], v[3]);
		v = overlay(i).v; printf("overlay {%d,%d,%d,%d}\n", v[0], v[1], v[2], v[3]);
		struct bits bi = bits(i); printf("bits {a=%ld,b=%ld,d=%g}\n", (long)bi.a, (long)bi.b, bi.d + 0.);
		struct packed pa = packed(i); printf("packed {c='%c',d=%g}\n", pa.c, pa.d);
		side += extended(i).x;
		printf("kinds %Lg\n", kinds(i).x);
		_Complex double co = complex_number(i); printf("complex_number {%g,%g}\n", __real__ co, __imag__ co);
		side += __imag__ wide_complex(i);
		printf("text \"%s\"\n", text(i));
		printf("kind %s\n", kind(i) == HIGH ? "HIGH" : "LOW");
		printf("flag %s\n", flag(i) ? "true" : "false");
		printf("last %d\n", last(i));
		printf("indirect %d\n", indirect(i, rarely));
		printf("choice %d\n", choice(i));
		printf("rarely %d\n", rarely(i));
		printf("told %d\n", told(i));
		sorted(i);
		steps[i & 3](i);
		nothing(i);
		if (!setjmp(back))
			printf("away %d\n", away(i));
	}
	printf("recursive %d\n", recursive(5));
	return 0;
}
