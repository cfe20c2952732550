/*
 * vars.c - walks DWARF for variables and types.
 *
 * Of each module the variables with an address are listed once, sorted. The
 * way from a variable to the word in it goes through structs and arrays; of a
 * union the first member that has something at that byte is taken.
 */
#include "tools/symbol/vars.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_DEPTH   16      /* typedefs, and structs in structs */
#define SCOPE_DEPTH  16      /* blocks in functions */
#define VARS_MAX     1000000 /* of one module */
#define DIES_MAX     20000000
#define CHILDREN_MAX 100000 /* a broken chain of siblings may be a circle */

struct var {
	uint64_t addr, size;
	Dwarf_Die die;
};

struct module {
	Dwfl_Module *mod;
	struct var *var; /* by rising address */
	size_t n, cap;
	size_t dies;
	Dwarf_Addr bias;
	struct module *next;
};

struct vars {
	struct pool *pool;
	struct module *modules;
};

_Static_assert(sizeof(Dwarf_Die) <= sizeof(((struct symbols_type *)0)->die), "a die fits");

static void set_type(struct symbols_type *t, const Dwarf_Die *die)
{
	t->known = true;
	memcpy(t->die, die, sizeof(*die));
}

static bool get_type(const struct symbols_type *t, Dwarf_Die *die)
{
	if (t->known)
		memcpy(die, t->die, sizeof(*die));
	return t->known;
}

/* The type that die's DW_AT_type names, without typedefs and qualifiers. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Attribute attr;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, type))
		return false;
	for (int i = 0; i < TYPE_DEPTH; i++) {
		switch (dwarf_tag(type)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
			if (!dwarf_attr_integrate(type, DW_AT_type, &attr) ||
			    !dwarf_formref_die(&attr, type))
				return false;
			break;
		default:
			return true;
		}
	}
	return false;
}

/* Size of a type in bytes, 0 if unknown. */
static uint64_t size_of(Dwarf_Die *type)
{
	Dwarf_Word size;

	return dwarf_aggregate_size(type, &size) == 0 ? size : 0;
}

struct text {
	char *at;
	size_t n, room;
};

__attribute__((format(printf, 2, 3))) static void append(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->at + t->n, t->room - t->n, fmt, ap);

	va_end(ap);
	if (n > 0)
		t->n = t->n + (size_t)n < t->room ? t->n + (size_t)n : t->room - 1;
}

static const char *name_of(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	return name ? name : "";
}

/* The member of a struct or union that holds byte off; *off becomes relative to it. */
static bool find_member(Dwarf_Die *type, uint64_t *off, Dwarf_Die *member, Dwarf_Die *its)
{
	Dwarf_Die child;
	int more = dwarf_child(type, &child);

	for (int i = 0; more == 0 && i < CHILDREN_MAX;
	     i++, more = dwarf_siblingof(&child, &child)) {
		Dwarf_Attribute attr;
		Dwarf_Word at = 0;

		if (dwarf_tag(&child) != DW_TAG_member || !type_of(&child, its))
			continue;
		if (dwarf_attr(&child, DW_AT_data_member_location, &attr) &&
		    dwarf_formudata(&attr, &at) != 0)
			continue;
		if (*off < at || *off - at >= size_of(its))
			continue;
		*off -= at;
		*member = child;
		return true;
	}
	return false;
}

static bool is_channel_handle(Dwarf_Die *member, Dwarf_Die *its)
{
	Dwarf_Die target;

	return dwarf_tag(its) == DW_TAG_pointer_type && strcmp(name_of(member), "raw") == 0 &&
	       type_of(its, &target) && strcmp(name_of(&target), "gd_chan") == 0;
}

/* Index into an array of type; *type becomes that of its elements. */
static bool enter_array(Dwarf_Die *type, uint64_t *off, struct text *name)
{
	Dwarf_Die element;
	uint64_t size;

	if (!type_of(type, &element))
		return false;
	size = size_of(&element);
	if (size == 0)
		return false;
	append(name, "[%lu]", (unsigned long)(*off / size));
	*off %= size;
	*type = element;
	return true;
}

/* Appends the way from type to byte off, and tells what lies there. */
static void descend(Dwarf_Die type, uint64_t off, struct text *name, struct symbols_word *out)
{
	Dwarf_Die member, its, target;

	for (int depth = 0; depth < TYPE_DEPTH; depth++) {
		int tag = dwarf_tag(&type);

		if (tag == DW_TAG_array_type) {
			if (!enter_array(&type, &off, name))
				break;
			continue;
		}
		if (tag != DW_TAG_structure_type && tag != DW_TAG_union_type &&
		    tag != DW_TAG_class_type)
			break;
		/* A primitive is what was asked for, not its first word. */
		if (off == 0 && strncmp(name_of(&type), "gd_", 3) == 0)
			break;
		if (!find_member(&type, &off, &member, &its))
			break;
		if (!is_channel_handle(&member, &its) && name_of(&member)[0])
			append(name, "%s%s", name->n ? "." : "", name_of(&member));
		type = its;
	}
	if (off > 0)
		append(name, "+%lu", (unsigned long)off);
	else if (dwarf_tag(&type) == DW_TAG_pointer_type && type_of(&type, &target))
		set_type(&out->target, &target);
}

static void start(struct text *t, struct symbols_word *out)
{
	*out = (struct symbols_word){ 0 };
	*t = (struct text){ .at = out->name, .room = sizeof(out->name) };
}

/* --- variables with static storage --- */

static void add_var(struct vars *v, struct module *m, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t nops;
	Dwarf_Die type;

	if (m->n == VARS_MAX || !dwarf_attr(die, DW_AT_location, &attr) ||
	    dwarf_getlocation(&attr, &op, &nops) != 0 || nops != 1 || op[0].atom != DW_OP_addr ||
	    !type_of(die, &type))
		return;
	if (m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 64;
		struct var *grown = pool_array(v->pool, cap, sizeof(*grown));

		if (m->n)
			memcpy(grown, m->var, m->n * sizeof(*grown));
		m->var = grown;
		m->cap = cap;
	}
	m->var[m->n++] = (struct var){ op[0].number + m->bias, size_of(&type), *die };
}

/* Variables of a unit, and the static ones of its functions. */
static void add_children(struct vars *v, struct module *m, Dwarf_Die *parent, int depth)
{
	Dwarf_Die child;
	int more = depth < SCOPE_DEPTH ? dwarf_child(parent, &child) : 1;

	for (; more == 0 && m->dies++ < DIES_MAX; more = dwarf_siblingof(&child, &child)) {
		switch (dwarf_tag(&child)) {
		case DW_TAG_variable:
			add_var(v, m, &child);
			break;
		case DW_TAG_subprogram:
		case DW_TAG_lexical_block:
		case DW_TAG_namespace:
			add_children(v, m, &child, depth + 1);
			break;
		default:
			break;
		}
	}
}

static int by_address(const void *a, const void *b)
{
	const struct var *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static const struct module *open_module(struct vars *v, Dwfl_Module *mod)
{
	struct module *m;
	Dwarf_Die *cu = NULL;
	Dwarf_Addr bias;

	for (m = v->modules; m; m = m->next)
		if (m->mod == mod)
			return m;
	m = pool_get(v->pool, sizeof(*m));
	m->mod = mod;
	m->next = v->modules;
	v->modules = m;
	while ((cu = dwfl_module_nextcu(mod, cu, &bias)) != NULL) {
		m->bias = bias;
		add_children(v, m, cu, 0);
	}
	if (m->n)
		qsort(m->var, m->n, sizeof(*m->var), by_address);
	return m;
}

struct vars *vars_make(struct pool *pool)
{
	struct vars *v = pool_get(pool, sizeof(*v));

	v->pool = pool;
	return v;
}

bool vars_static(struct vars *v, Dwfl_Module *mod, uint64_t addr, struct symbols_word *out)
{
	const struct module *m = open_module(v, mod);
	size_t lo = 0, hi = m->n;
	Dwarf_Die die, type;
	struct text name;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->var[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || addr - m->var[lo - 1].addr >= m->var[lo - 1].size)
		return false;
	die = m->var[lo - 1].die;
	start(&name, out);
	if (!type_of(&die, &type) || !name_of(&die)[0])
		return false;
	append(&name, "%s", name_of(&die));
	descend(type, addr - m->var[lo - 1].addr, &name, out);
	return true;
}

/* --- variables on a stack --- */

/* Where a variable of the frame lies; false: not at a fixed distance from the CFA. */
static bool local_address(Dwarf_Die *die, uint64_t pc, uint64_t cfa, uint64_t *addr)
{
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t nops;

	if (!dwarf_attr_integrate(die, DW_AT_location, &attr) ||
	    dwarf_getlocation_addr(&attr, pc, &op, &nops, 1) != 1 || nops != 1 ||
	    op[0].atom != DW_OP_fbreg)
		return false;
	*addr = cfa + op[0].number;
	return true;
}

/* The base of the function's variables is the call frame address. */
static bool base_is_cfa(Dwarf_Die *function, uint64_t pc)
{
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t nops;

	return dwarf_attr_integrate(function, DW_AT_frame_base, &attr) &&
	       dwarf_getlocation_addr(&attr, pc, &op, &nops, 1) == 1 && nops == 1 &&
	       op[0].atom == DW_OP_call_frame_cfa;
}

struct frame_at {
	uint64_t pc, cfa, addr;
};

static bool find_local(Dwarf_Die *scope, const struct frame_at *f, struct symbols_word *out)
{
	Dwarf_Die child, type;
	int more = dwarf_child(scope, &child);

	for (int i = 0; more == 0 && i < CHILDREN_MAX;
	     i++, more = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);
		struct text name;
		uint64_t at;

		if ((tag != DW_TAG_variable && tag != DW_TAG_formal_parameter) ||
		    !local_address(&child, f->pc, f->cfa, &at) || !type_of(&child, &type) ||
		    f->addr < at || f->addr - at >= size_of(&type) || !name_of(&child)[0])
			continue;
		start(&name, out);
		append(&name, "%s", name_of(&child));
		descend(type, f->addr - at, &name, out);
		return true;
	}
	return false;
}

bool vars_local(Dwfl_Module *mod, uint64_t pc, uint64_t cfa, uint64_t addr,
		struct symbols_word *out)
{
	Dwarf_Addr bias;
	Dwarf_Die *unit = dwfl_module_addrdie(mod, pc, &bias), *scopes = NULL;
	int n = unit ? dwarf_getscopes(unit, pc - bias, &scopes) : 0;
	struct frame_at f = { pc - bias, cfa, addr };
	bool found = false, understood = false;

	for (int i = 0; i < n && !understood; i++)
		understood =
			dwarf_tag(&scopes[i]) == DW_TAG_subprogram && base_is_cfa(&scopes[i], f.pc);
	for (int i = 0; i < n && understood && !found; i++) {
		found = find_local(&scopes[i], &f, out);
		if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram)
			break;
	}
	free(scopes);
	return found;
}

/* --- types --- */

bool vars_member(const struct symbols_type *type, uint64_t off, struct symbols_word *out)
{
	struct text name;
	uint64_t size;
	Dwarf_Die die;

	start(&name, out);
	if (!get_type(type, &die))
		return false;
	size = size_of(&die);
	if (size == 0)
		return false;
	if (off >= size)
		append(&name, "[%lu]", (unsigned long)(off / size));
	descend(die, off % size, &name, out);
	return true;
}

void vars_type_name(const struct symbols_type *type, char *text, size_t n)
{
	Dwarf_Die die;

	text[0] = '\0';
	if (!get_type(type, &die) || !name_of(&die)[0])
		return;
	switch (dwarf_tag(&die)) {
	case DW_TAG_structure_type:
		snprintf(text, n, "struct %s", name_of(&die));
		break;
	case DW_TAG_union_type:
		snprintf(text, n, "union %s", name_of(&die));
		break;
	default:
		snprintf(text, n, "%s", name_of(&die));
	}
}
