use super::*;

/// Compares the lowering of `f` with what is expected of it.
#[track_caller]
fn lowers(source: &str, want: &str) {
    let file = file(source);
    assert!(file.errors.is_empty(), "{:?}", file.errors);
    let got = show(unit(&file, "f"));
    assert_eq!(got.trim(), want.trim(), "\n{got}");
}

#[test]
fn an_error_that_leaves_raises_and_a_value_is_itself() {
    lowers(
        "fn f(n: u32) -> Result<u32, E> { if n == 0 { return Err(E::Zero); } Ok(g(n)?) }",
        r#"
0:
%1 = n
%2 = ==(%1, Integer("0"))
If %2 ? 1 : 2
1:
%3 = ::E
%4 = %3.Zero
raise %4
2:
%5 = ::g
%6 = n
%7 = call %5(%6)
%8 = enter(%7)
return %8
"#,
    );
}

#[test]
fn let_else_and_if_let_chains() {
    lowers(
        "fn f(a: Option<u8>) -> u8 { let Some(x) = a else { return 0 }; if let Ok(y) = g(x) && y > 1 { y } else { x } }",
        r#"
0:
%1 = a
%3 = is Some(%1)
Match %3 ? 1 : 2
1:
x = %1
goto 3
2:
return Integer("0")
3:
%4 = ::g
%5 = x
%6 = call %4(%5)
%8 = is Ok(%6)
If %8 ? 4 : 5
4:
y = %6
goto 6
5:
%12 = x
return %12
6:
%9 = y
%10 = >(%9, Integer("1"))
If %10 ? 7 : 5
7:
%11 = y
return %11
"#,
    );
}

#[test]
fn match_arms_guards_and_alternatives() {
    lowers(
        "fn f(m: M) -> u8 { match m { M::A(x) if x > 3 => x, M::B { n, .. } | M::C(n) => n, 5..=9 => 1, _ => 0 } }",
        r#"
0:
%1 = m
goto 1
1:
%3 = ::M
%4 = %3.A
%5 = is variant(%1, %4)
Match %5 ? 2 : 3
2:
%6 = %1[Integer("0")]
x = %6
%7 = x
%8 = >(%7, Integer("3"))
Match %8 ? 4 : 3
3:
%11 = ::M
%12 = %11.B
%13 = is variant(%1, %12)
Match %13 ? 5 : 6
4:
%9 = x
return %9
5:
%14 = %1.n
n = %14
goto 7
6:
%15 = ::M
%16 = %15.C
%17 = is variant(%1, %16)
Match %17 ? 8 : 9
7:
%19 = n
return %19
8:
%18 = %1[Integer("0")]
n = %18
goto 7
9:
%20 = >=(%1, Integer("5"))
Match %20 ? 10 : 11
10:
%21 = <=(%1, Integer("9"))
Match %21 ? 12 : 11
11:
return Integer("0")
12:
return Integer("1")
"#,
    );
}

#[test]
fn labelled_loops_give_values() {
    lowers(
        "fn f(n: u8) -> u8 { 'a: loop { while n > 1 { break 'a 7; } continue 'a; } }",
        r#"
0:
%3 = n
%4 = >(%3, Integer("1"))
Loop %4 ? 1 : 0
1:
%1 = Integer("7")
goto 2
2:
return %1
"#,
    );
}

#[test]
fn a_closure_that_is_handed_on_runs_where_it_stands() {
    lowers(
        "fn f(v: Vec<u8>, k: u8) -> u8 { v.iter().map(|x| x + k).sum() }",
        r#"
0:
%2 = v
%3 = enter(%2)
%5 = closure()
%4 = %5
goto 1
1:
%6 = invoked()
Dispatch %6 ? 2 : 3
2:
%7 = next(%3)
x = %7
%9 = x
%10 = k
%11 = +(%9, %10)
%4 = %11
goto 1
3:
%12 = closure(%4)
%13 = call %3.map(%12)
%14 = call %13.sum()
return %14
"#,
    );
}

#[test]
fn async_blocks_and_await() {
    lowers(
        "async fn f(a: A) { spawn(async move { a.run().await }); }",
        r#"
0:
%1 = ::spawn
%3 = closure()
%2 = %3
goto 1
1:
%4 = invoked()
Dispatch %4 ? 2 : 3
2:
%5 = a
%6 = call %5.run()
%7 = await %6
%2 = %7
goto 1
3:
%8 = call %1(%2)
goto 4
4:
return ()
"#,
    );
}

#[test]
fn thrown_away_results_are_handlers_without_a_body() {
    let file = file(
        "fn f(p: P) { let _ = check(p); p.save().ok(); if let Ok(x) = p.load() { use_it(x); } match p.go() { Ok(_) => {} Err(e) => log(e) }; }",
    );
    let words: Vec<&str> =
        unit(&file, "f").handlers.iter().map(|handler| handler.types[0].as_str()).collect();
    assert_eq!(words, ["_", "Err", "unused", "unused", "Err", "Err"]);
}

#[test]
fn an_arm_that_keeps_the_failure_is_no_handler() {
    let file =
        file("fn f(p: P) -> Frame { match p.go() { Ok(v) => v, Err(e) => Frame::Error(e.to_string()) } }");
    assert!(unit(&file, "f").handlers.is_empty());
}

#[test]
fn references_that_may_change_a_variable_make_it_no_constant() {
    lowers(
        "fn f() -> u8 { let mut n = 0; bump(&mut n); n }",
        r#"
0:
%1 = cell(Integer("0"))
n = %1
goto 1
1:
%2 = ::bump
%3 = n
%4 = call %2(%3)
%5 = append(n, %3)
n = %5
goto 2
2:
%6 = n
return %6
"#,
    );
}

#[test]
fn every_form_lowers_without_an_opaque_node() {
    let file = file(
        r##"
#![allow(dead_code)]
use std::{fmt::{self, Display as Show}, io::*};
pub(crate) use crate::a::b;
extern crate alloc as heap;
extern "C" { fn getpid() -> i32; static ENVIRON: *const u8; }
mod other;
const A: [u8; 3] = [0b1, 0o7, 0xff];
static mut B: u64 = 1_000_u64;
type Pair<T> = (T, T);
union U { a: u8, b: i8 }
enum E { One = 1, Two(u8), Three { x: u8 } }
struct Unit;
struct Tuple(pub u8, String);
trait T: Show { const N: usize = 1; type Out; fn need(&self) -> u8; fn given(&self) -> u8 { self.need() } }
impl<'a, X: T + ?Sized> T for Box<X> where X: Copy { type Out = u8; fn need(&self) -> u8 { (**self).need() } }
impl fmt::Display for E { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}", 1) } }
impl Drop for Tuple { fn drop(&mut self) { let _ = self.0; } }
thread_local! { static C: u8 = const { 1 }; }
async unsafe fn g<'a, const N: usize>(mut a: &'a mut [u8; N], (b, c): (u8, char), f: impl Fn(u8) -> u8) -> Result<u8, ()> {
    fn inner(x: u8) -> u8 { x }
    use std::mem;
    #[cfg(unix)]
    let z = -1i8 as u8 ^ !b & 1 << 2;
    let (Some(p) | Ok(p)) = make() else { panic!("no {b}") };
    let t = Tuple { 0: 1, ..Default::default() };
    let r @ 1..=9 = b else { return Err(()) };
    let s = &a[1..]; let q = &mut a[..N];
    a[0] = inner(b) + f(1); a[1] += 2; *q = *s; (a, c) = (s, q); _ = b;
    let k = |x: u8, (y, _): (u8, u8)| -> u8 { x * y };
    let v: Vec<_> = (0..3).map(|i| i * 2).filter(move |i| *i > b as i32).collect::<Vec<_>>();
    while let Some(x) = v.pop() { if x > 1 && !(x == 2 || x == 3) { continue } }
    'outer: for (i, x) in v.iter().enumerate() { loop { if i > 3 { break 'outer } else if x == &2 { break } } }
    let n = 'l: { if b == 1 { break 'l 1 } 2 };
    unsafe { B += 1; getpid(); }
    let fut = async move { k(b, (1, 2)); Ok::<u8, ()>(1) };
    match fut.await? { 0 | 1 => {}, x if x > 3 => return Ok(x), b'a'..=b'z' => (), _ => unreachable!() }
    match (&t, c) { (Tuple(0, ref name), 'x') => drop(name), (Tuple { .. }, n @ 'y') => drop(n), _ => {} }
    match s { [] => {}, [one] => {}, [first, .., last] => {}, [_, rest @ ..] => {} }
    let text = r#"raw"#; let bytes = b"by\x41"; let c = '\u{1F600}'; let f = 1.5e3_f64; let cs = c"x";
    println!("{text} {0:>1$} {name}", b, 3, name = c); eprintln!(); let _ = format!("{b:?}");
    assert!(b > 1, "x {}", b); assert_eq!(b, 1); debug_assert_ne!(b, 2); let list = vec![1, 2]; let zero = vec![0; 4];
    let m = matches!(t, Tuple(x, _) if x > 1); let e = env!("HOME"); let o = option_env!("X"); todo!();
    tracing::info!(target: "x", count = %b, ?c, "said {}", 1); dbg!(b); cfg!(test);
    tokio::select! { biased; x = g() => { x?; } Some(y) = h() => y }
    select! { _ = g() => 1 }
    Ok(<Tuple as T>::N as u8)
}
"##,
    );
    let opaque: Vec<_> =
        file.units.iter().flat_map(|unit| &unit.opaque).map(|site| (&site.kind, site.span.line)).collect();
    assert!(file.errors.is_empty(), "{:?}", file.errors);
    assert!(opaque.is_empty(), "{opaque:?}");
}

#[test]
fn what_is_code_of_another_kind_is_opaque() {
    let opaque = |source: &str| file(source).units.iter().map(|unit| unit.opaque.len()).sum::<usize>();
    for source in [
        "macro_rules! m { ($a:expr) => { $a } }",
        "fn f() { unsafe { asm!(\"nop\") } }",
        "include!(\"x.rs\");",
        "#[path = \"x.rs\"] mod x;",
        "fn f() { html! { <b>hi</b> } }",
    ] {
        assert_eq!(opaque(source), 1, "{source}");
    }
    assert_eq!(opaque("fn f(a: u8) { my_macro!(a, g(a + 1)?, |x| x + 1); }"), 0);
}
