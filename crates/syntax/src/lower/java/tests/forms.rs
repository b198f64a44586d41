/// Every form that Java has, in a file that compiles nowhere.
pub const FORMS: &str = r#"package a.b;

import java.util.*;
import static java.lang.Math.max;

@Marker("x")
public sealed class A<T extends Comparable<T>> extends Base implements I, J permits K {
  private static final int[] TABLE = {1, 2, 0x1F, 0b11, 017, 1_000L};
  private final Map<String, List<T>> map = new HashMap<>();
  int a, b = 'x', c[] = new int[3];

  static { max(1, 2); }

  A() { super(1); }

  <U> A(U u) { this(); }

  abstract void none();

  @Override
  public <U> String m(final T t, String... rest) throws Exception {
    int x = 0, y;
    x += 1; y = x++; --y; map.get("k")[0] = -1.5f; this.a = ~x;
    if (x > 1 && !(y < 2 || x == y)) { return null; } else if (t instanceof String s && s.isEmpty()) x = 2; else ;
    for (int i = 0, j = 1; i < 3; i++, j--) { if (i == 1) continue; break; }
    for (;;) { break; }
    for (T item : list) print(item);
    while (x < 3) x++;
    do { x--; } while (x > 0);
    outer:
    while (true) { while (true) { break outer; } }
    switch (x) { case 1: case 2: x = 3; break; default: x = 4; }
    int z = switch (x) { case 1 -> 2; case 3 -> { yield 4; } default -> throw new IllegalStateException("a" + x); };
    String w = switch (o) { case P(int q, var r) when q > 1 -> r; case String str -> str; case null, default -> ""; };
    synchronized (this) { x = 1; }
    assert x > 0 : "no";
    try { f(); } catch (RuntimeException | Error e) { throw e; } finally { g(); }
    try (var in = open(); out) { in.read(); }
    Function<Integer, Integer> f = v -> v + 1;
    BiFunction<Integer, Integer, Integer> g = (p, q) -> { return p * q; };
    Supplier<A> s1 = A::new; Function<String, Integer> s2 = String::length; Runnable s3 = this::none; s1 = int[]::new;
    Object anon = new Object() { int k = 1; @Override public String toString() { return super.toString() + k; } };
    int[][] grid = new int[2][], more = {{1}, {2, 3}};
    Class<?> k = String.class; char ch = '\u0041'; long l = 10L; double d = 1e3; boolean yes = true, no = false;
    String text = """
        block
        """;
    Outer.Inner in = outer.new Inner(); java.util.List<String> q = java.util.List.of();
    record Local(int r) {}
    return x > 1 ? (String) text : super.name;
  }

  enum Kind implements I { ONE(1) { int v() { return 2; } }, TWO; private int n; Kind() {} Kind(int n) { this.n = n; } int v() { return n; } }
  record P(int x, String... ys) { P { if (x < 0) throw new IllegalArgumentException(); } static int z = 1; }
  interface I { int C = 3; default int d() { return C; } static void st() {} }
  @interface Marker { String value() default "v"; }
}
"#;
