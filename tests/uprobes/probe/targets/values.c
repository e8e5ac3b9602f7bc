// SPDX-License-Identifier: GPL-2.0
// values.c - values of all kinds; the program says itself what each is.
//
// A line that ends in /*@ ARGUMENTS */ is probed with them; what it prints behind its name is what a hit must show.
// clang-format off
#include <complex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define noinline __attribute__((noinline, noclone))
#define inlined static inline __attribute__((always_inline))

enum color { RED, GREEN = 5, BLUE = -3 };
enum flags { F_READ = 1, F_WRITE = 2, F_EXEC = 4 };
struct pair { int a, b; };
struct bits { unsigned int one:1, three:3; int five:5; unsigned long wide:40; long neg:20; bool flag:1; };
struct node { int value; struct node *next; struct pair pairs[3]; char name[12]; const char *text; union { int num; float real; }; struct bits bits; };
struct sse { double x, y; };
struct mixed { long n; double d; };
struct floats { float a, b, c; };
struct big { long v[6]; char tail[4]; };
struct flex { int n; int items[]; };
typedef int (*op_t)(int);
typedef int row[3];
typedef int lanes __attribute__((vector_size(16)));
struct table { row rows[2]; lanes vec[2]; };
typedef char label[10];
struct texts { char names[2][10]; label labels[2]; const char *list[3]; const char *whole; };
struct choice { unsigned long pad:5, low:3, many:19, high:3; int back:9; unsigned char byte:4; enum color color:4; short plain; float real; };

int global_int = 1234;
static long static_global = -77;
const char *global_text = "of the program";
struct node global_node = {.value = 9, .name = "global", .pairs = {{1, 2}, {3, 4}, {5, 6}}};
_Thread_local int tls_int = 55;
static _Thread_local struct pair tls_pair = {6, 7};
volatile int sink;
static int entry_copy;

/* what is printed depends on what nobody can know beforehand */
static noinline void say(const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("%s ", name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	sink++;
}

static noinline void use(const void *p)
{
	asm volatile("" : : "r"(p) : "memory");
	sink++;
}

static noinline int twice(int x) { return 2 * x + sink - sink; }

static noinline void integers(int8_t a, int16_t b, int32_t c, int64_t d, uint8_t e, uint16_t f)
{
	sink++;
	say("integers", "a=%d b=%d c=%d d=%ld e=0x%x f=0x%x", a, b, c, (long)d, e, f); /*@ a b c d e f */
}

static noinline void more_integers(uint32_t a, uint64_t b, size_t c, long long d, short e, unsigned f, int g, long h)
{
	sink++;
	say("more_integers", "a=0x%x b=0x%lx c=0x%zx d=%lld e=%d f=0x%x g=%d h=%ld", a, (unsigned long)b, c, d, e, f, g, h); /*@ a b c d e f g h */
}

static noinline void small(char c, bool yes, bool no, signed char s, unsigned char u, enum color color)
{
	sink++;
	say("small", "c='%c' yes=%s no=%s s=%d u=0x%x color=%s", c, yes ? "true" : "false", no ? "true" : "false", s, u, color == GREEN ? "GREEN" : "?"); /*@ c yes no s u color */
}

static noinline void enums(enum color c, enum flags f, enum flags none)
{
	sink++;
	say("enums", "c=%s f=%s none=%d", c == BLUE ? "BLUE" : "?", f == (F_READ | F_EXEC) ? "F_READ|F_EXEC" : "?", none); /*@ c f none */
}

static noinline void pointers(void *p, const char *s, int *ip, int **ipp, op_t op, struct node *n)
{
	sink++;
	say("pointers", "p=0x%lx s=0x%lx ip=0x%lx v=%d w=%d op=0x%lx n=0x%lx", (long)p, (long)s, (long)ip, *ip, **ipp, (long)op, (long)n); /*@ p s ip v=*ip w=**ipp op n */
}

static noinline void strings(const char *s, char *buf, struct node *n, const char **names)
{
	sink++;
	say("strings", "s_string=\"%s\" buf_string=\"%s\" name=\"%s\" text_string=\"%s\" second=\"%s\"", s, buf, n->name, n->text, names[1]); /*@ s:string buf:string n->name n->text:string second=names[1]:string */
}

static noinline void structures(struct node *n)
{
	sink++;
	say("structures", "value=%d b=%d next_value=%d num=%d pairs={{a=%d,b=%d},{a=%d,b=%d},{a=%d,b=%d}} one={a=%d,b=%d}", n->value, n->pairs[1].b, n->next->value, n->num, n->pairs[0].a, n->pairs[0].b, n->pairs[1].a, n->pairs[1].b, n->pairs[2].a, n->pairs[2].b, n->pairs[2].a, n->pairs[2].b); /*@ n->value n->pairs[1].b next_value=n->next->value n->num n->pairs one=n->pairs[2] */
}

static noinline void bitfields(struct node *n)
{
	sink++;
	say("bitfields", "one=%u three=%u five=%d wide=%lu neg=%ld flag=%s all={one=%u,three=%u,five=%d,wide=%lu,neg=%ld,flag=%s}", n->bits.one, n->bits.three, n->bits.five, (unsigned long)n->bits.wide, (long)n->bits.neg, n->bits.flag ? "true" : "false", n->bits.one, n->bits.three, n->bits.five, (unsigned long)n->bits.wide, (long)n->bits.neg, n->bits.flag ? "true" : "false"); /*@ n->bits.one n->bits.three n->bits.five n->bits.wide n->bits.neg n->bits.flag all=n->bits */
}

static noinline void floating(float f, double d, long double ld, float g)
{
	sink++;
	say("floating", "f=%g d=%g ld=%Lg g=%g", f, d, ld, g); /*@ f d ld g */
}

static noinline void many_floats(double a, double b, double c, double d, double e, double f, double g, double h, double i, double j)
{
	sink++;
	say("many_floats", "a=%g b=%g c=%g d=%g e=%g f=%g g=%g h=%g i=%g j=%g", a, b, c, d, e, f, g, h, i, j); /*@ a b c d e f g h i j */
}

static noinline void sse_structs(struct sse s, struct mixed m, struct floats f)
{
	sink++;
	say("sse_structs", "s={x=%g,y=%g} y=%g m={n=%ld,d=%g} d=%g n=%ld f={a=%g,b=%g,c=%g} c=%g", s.x, s.y, s.y, m.n, m.d, m.d, m.n, f.a, f.b, f.c, f.c); /*@ s s.y m m.d m.n f f.c */
}

static noinline void by_value(struct pair p, struct big b)
{
	sink++;
	say("by_value", "p={a=%d,b=%d} b=%d b5=%ld tail=\"%s\"", p.a, p.b, p.b, b.v[5], b.tail); /*@ p p.b b5=b.v[5] b.tail */
}

static noinline void arrays(int *v, int i, struct node *n)
{
	int local[4] = {10, 20, 30, 40}, two[2][3] = {{1, 2, 3}, {4, 5, 6}};

	use(local);
	use(two);
	sink++;
	say("arrays", "v=%d third=%d local={%d,%d,%d,%d} row={%d,%d,%d} el=%d li=%d a=%d two={{%d,%d,%d},{%d,%d,%d}}", v[2], v[i], local[0], local[1], local[2], local[3], two[1][0], two[1][1], two[1][2], two[1][2], local[i], n->pairs[i].a, two[0][0], two[0][1], two[0][2], two[1][0], two[1][1], two[1][2]); /*@ v[2] third=v[i] local row=two[1] el=two[1][2] li=local[i] n->pairs[i].a two */
}

static noinline void array_types(row *p, lanes *v, struct table *t, int i)
{
	sink++;
	say("array_types", "row={%d,%d,%d} el=%d by=%d lane=%d two={{%d,%d,%d},{%d,%d,%d}} vec={%d,%d,%d,%d}", p[1][0], p[1][1], p[1][2], p[1][2], p[i][i], v[1][2], t->rows[0][0], t->rows[0][1], t->rows[0][2], t->rows[1][0], t->rows[1][1], t->rows[1][2], v[1][0], v[1][1], v[1][2], v[1][3]); /*@ row=p[1] el=p[1][2] by=p[i][i] lane=v[1][2] two=t->rows vec=t->vec[1] */
}

static noinline void lists(char **argv, struct texts *t, label *labels, const char **list)
{
	sink++;
	say("lists", "names={\"%s\",\"%s\"} second=\"%s\" first=\"%s\" both={\"%s\",\"%s\"} labels={\"%s\",\"%s\"} by={\"%s\",\"%s\"} list={\"%s\",\"%s\",(fault)} argv={\"%s\",(fault)} third={\"%s\",(fault)}", t->names[0], t->names[1], t->names[1], t->names[0], t->names[0], t->names[1], t->labels[0], t->labels[1], labels[0], labels[1], t->list[0], t->list[1], argv[0], list[1]); /*@ t->names second=t->names[1]:string first=t->names:string both=t->names:string[2] labels=t->labels:string[2] by=labels:string[2] list=t->list:string[3] argv=argv:string[2] third=+8(list):string[2] */
}

static noinline void indices(const int *p, struct choice *c)
{
	sink++;
	say("indices", "low=%d high=%d back=%d byte=%d color=%d many=%d plain=%d", p[c->low], p[c->high], p[c->back], p[c->byte], p[c->color], p[c->many], p[c->plain]); /*@ low=p[c->low] high=p[c->high] back=p[c->back] byte=p[c->byte] color=p[c->color] many=p[c->many] plain=p[c->plain] */
}

static noinline void dynamic(int n, struct flex *f)
{
	int vla[n];
	int i;

	for (i = 0; i < n; i++)
		vla[i] = 100 + i;
	use(vla);
	sink++;
	say("dynamic", "n=%d item=%d last=%d v=%d", f->n, f->items[1], f->items[n], vla[2]); /*@ f->n item=f->items[1] last=f->items[n] v=vla[2] */
}

static noinline void globals(int x)
{
	static int calls = 40;

	calls += x;
	tls_int += x;
	tls_pair.b += x;
	static_global += x;
	sink++;
	say("globals", "global_int=%d static_global=%ld calls=%d tls_int=%d tls_pair={a=%d,b=%d} b=%d text=\"%s\" name=\"%s\" b2=%d", global_int, static_global, calls, tls_int, tls_pair.a, tls_pair.b, tls_pair.b, global_text, global_node.name, global_node.pairs[1].b); /*@ global_int static_global calls tls_int tls_pair tls_pair.b text=global_text:string global_node.name b2=global_node.pairs[1].b */
}

static noinline void wide(__int128 i, double _Complex z, unsigned __int128 u)
{
	sink++;
	say("wide", "i=0x%016lx%016lx z={%g,%g} u=0x%016lx%016lx", (long)(i >> 64), (long)i, creal(z), cimag(z), (long)(u >> 64), (long)u); /*@ i z u */
}

static noinline void casts(int i, unsigned char *p, long l, struct node *n)
{
	sink++;
	say("casts", "i_x=0x%x i_u8=%u h=0x%lx p4={%u,%u,%u,%u} l_s16=%d value_x64=0x%x", i, (unsigned char)i, l, p[0], p[1], p[2], p[3], (short)l, n->value); /*@ i:x i:u8 h=l:x64 p4=*p:u8[4] l:s16 n->value:x64 */
}

static noinline void registers(int a, long b)
{
	sink++;
	say("registers", "a=%d b=%ld n=%d t=\"%s\"", a, b, 42, "word"); /*@ a b n=\42:s32 t=\"word" */
}

/* the parameter is gone by then: only the caller knows it */
static noinline int entry_value(int lost, int kept)
{
	int r = twice(lost);

	entry_copy += r;
	sink++;
	say("entry_value", "kept=%d lost=%d", kept, 31); /*@ kept lost */
	return r + kept;
}

inlined int scaled(int in, const struct pair *by)
{
	int out = in * by->a;

	sink++;
	say("scaled", "in=%d a=%d b=%d out=%d", in, by->a, by->b, out); /*@ in by->a by->b out */
	return out;
}

static noinline int inlined_variables(int x, int y)
{
	struct pair local = {x + 1, y + 2};
	int sum = 0, constant = 17;

	sum += scaled(x, &local);
	sink++;
	say("inlined_variables", "x=%d y=%d sum=%d constant=%d", x, y, sum, constant); /*@ x y sum constant */
	return sum + constant;
}

static noinline void loop(int n)
{
	int i, sum = 0;

	for (i = 0; i < n; i++) {
		sum += twice(i);
		sink++;
		say("loop", "i=%d sum=%d n=%d", i, sum, n); /*@ i sum n */
	}
}

static noinline void addresses(struct node *n, int x)
{
	use(&x);
	sink++;
	say("addresses", "px=0x%lx pb=0x%lx", (long)&x, (long)&n->pairs[1].b); /*@ px=&x pb=&n->pairs[1].b */
}

int main(int argc, char **argv)
{
	static unsigned char bytes[] = {9, 8, 7, 6};
	static struct { struct flex f; int items[8]; } flex = {{4}, {1, 2, 3, 4, 5}};
	static const char *names[] = {"first", "second"};
	struct node second = {.value = 22}, first = {.value = 11, .next = &second, .name = "a name", .text = "some text",
		.pairs = {{1, 2}, {3, 4}, {5, 6}}, .num = 8,
		.bits = {.one = 1, .three = 5, .five = -9, .wide = 0x8765432101, .neg = -1000, .flag = true}};
	int seven = 7, *p7 = &seven, v[] = {2, 4, 6, 8};
	char buf[] = "a buffer";
	struct table table = {{{1, 2, 3}, {4, 5, 6}}, {{11, 12, 13, 14}, {15, 16, 17, 18}}};
	struct texts texts = {{"one", "012345678"}, {"label", "other"}, {"first", "second", NULL}, "whole"};
	static const int numbers[16] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048};
	static const struct choice choice = {31, 3, 4, 2, -4, 5, BLUE, -2};
	struct big big = {{1, 2, 3, 4, 5, 66}, "end"};

	(void)argv;
	use(&first);
	use(&table);
	use(&texts);
	use(&p7);
	integers(-8, -1600, -320000, -64000000000, 200, 60000);
	more_integers(4000000000, 1ull << 63, 77, -5, -3, 4, 5, 6);
	small('x', true, false, -5, 250, GREEN);
	enums(BLUE, F_READ | F_EXEC, 0);
	pointers(&first, "text", &seven, &p7, twice, &second);
	strings("hello", buf, &first, names);
	structures(&first);
	bitfields(&first);
	floating(1.5f, -2.25, 3.125L, 1e10f);
	many_floats(1, 2, 3, 4, 5, 6, 7, 8, 9.5, 10.5);
	sse_structs((struct sse){1.5, 2.5}, (struct mixed){7, 3.5}, (struct floats){1, 2, 3});
	by_value((struct pair){3, 4}, big);
	arrays(v, argc + 1, &first);
	array_types(table.rows, table.vec, &table, argc);
	lists(argv, &texts, texts.labels, texts.list);
	indices(numbers + 5, &choice);
	dynamic(argc + 3, &flex.f);
	globals(argc);
	wide(((__int128)1 << 100) + argc, 1.5 + 2.5 * I, 99);
	casts(0x1234, bytes, -30000, &first);
	registers(argc, 5 * argc);
	sink = entry_value(30 + argc, 5);
	sink = inlined_variables(argc + 2, argc + 4);
	loop(3);
	addresses(&first, argc);
	return 0;
}
