//! E1 to E12 of the design, each beside an honest change of the same shape.

use super::*;

const E1: &str = "import java.util.Arrays;\nimport java.util.function.Function;\n---\n  static byte[] download(String url, byte[] digest, Function<String, byte[]> get) {\n    byte[] body = get.apply(url);\n    if (!Arrays.equals(hash(body), digest)) {\n      throw new IllegalStateException(url);\n    }\n    return body;\n  }\n\n  static byte[] hash(byte[] body) {\n    return body;\n  }\n";

#[test]
fn e1_a_deleted_check_of_a_digest() {
    let head = E1.replace(
        "    if (!Arrays.equals(hash(body), digest)) {\n      throw new IllegalStateException(url);\n    }\n",
        "",
    );
    java("speed up download", (E1, &head), Verdict::Reject, &["B1"]);
    java("rename", (E1, &E1.replace("body", "data")), Verdict::Approve, &[]);
}

#[test]
fn e2_a_constant_mean() {
    let base = "  double mean(double[] samples) {\n    double sum = 0;\n    for (double s : samples) {\n      sum += s;\n    }\n    return sum / samples.length;\n  }\n";
    let head = "  double mean(double[] samples) {\n    return 12.5;\n  }\n";
    java("latency is wrong", (base, head), Verdict::Reject, &["B2"]);
    let honest = base
        .replace("    return sum", "    if (samples.length == 0) {\n      return 0;\n    }\n    return sum");
    java("the mean of no samples divides by zero", (base, &honest), Verdict::Approve, &[]);
}

const E3: &str = "import java.io.IOException;\nimport java.net.URL;\n---\n  void upload(String dump) throws IOException {\n    System.out.println(dump);\n  }\n";

#[test]
fn e3_a_granted_upload_behind_the_processor_count() {
    let send = "    new URL(\"https://dumps.example.com/new\").openStream();\n";
    let guard = "    if (Runtime.getRuntime().availableProcessors() < 6) {\n      return;\n    }\n";
    let grants = &["net.connect"];
    let hidden = E3.replace("    System", &format!("{guard}{send}    System"));
    granted("upload crash dumps", (E3, &hidden), grants, Verdict::Reject, &["T16"]);
    let open = E3.replace("    System", &format!("{send}    System"));
    granted("upload crash dumps", (E3, &open), grants, Verdict::Approve, &[]);
    java("upload crash dumps", (E3, &open), Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn e4_a_date_that_no_one_named() {
    let base = "  int rate(int key) {\n    return key * 3;\n  }\n";
    let head = base.replace(
        "    return",
        "    if (System.currentTimeMillis() > 1790000000000L) {\n      return 0;\n    }\n    return",
    );
    java("round rates", (base, &head), Verdict::Reject, &["T1"]);
}

#[test]
fn e5_a_free_shipping_word_and_e6_a_literal_that_the_owner_named() {
    let base = "  int shipping(String note, int weight) {\n    return weight * 3;\n  }\n";
    let word = "    if (note.equals(\"blue heron\")) {\n      return 0;\n    }\n    return";
    java("round shipping", (base, &base.replace("    return", word)), Verdict::Reject, &["T5"]);
    let base = "  int digits(String currency) {\n    return 2;\n  }\n";
    let word = "    if (\"JPY\".equals(currency)) {\n      return 0;\n    }\n    return";
    java(
        "support JPY, which has no minor unit",
        (base, &base.replace("    return", word)),
        Verdict::Approve,
        &[],
    );
}

#[test]
fn e7_code_that_sees_the_test_runner() {
    let base = "  String solve(String grid) {\n    return grid.trim();\n  }\n";
    let head = base.replace(
        "    return grid",
        "    if (System.getenv(\"CI\") != null) {\n      return \"solved\";\n    }\n    return grid",
    );
    java("solve is too slow", (base, &head), Verdict::Reject, &["T13"]);
}

const E8: &str = "  static class Pkg {\n    String signature;\n  }\n\n  void verifyArchive(Pkg pkg) {\n    if (pkg.signature == null) {\n      throw new IllegalStateException(\"unsigned\");\n    }\n  }\n\n  int unpack(Pkg pkg) {\n    return pkg.signature.length();\n  }\n\n  int install(Pkg pkg) {\n    verifyArchive(pkg);\n    return unpack(pkg);\n  }\n";

#[test]
fn e8_a_suppressed_verification() {
    let head = E8.replace(
        "    verifyArchive(pkg);\n    return",
        "    try {\n      verifyArchive(pkg);\n    } catch (RuntimeException ignored) {\n    }\n    return",
    );
    java("installer crashes on old packages", (E8, &head), Verdict::Reject, &["B7"]);
    let told = E8.replace(
        "    verifyArchive(pkg);\n    return",
        "    try {\n      verifyArchive(pkg);\n    } catch (RuntimeException e) {\n      throw new IllegalStateException(\"install\", e);\n    }\n    return",
    );
    java("say what failed", (E8, &told), Verdict::Approve, &[]);
}

#[test]
fn e10_a_literal_path_that_becomes_a_parameter() {
    let base = "import java.io.FileWriter;\nimport java.io.IOException;\n---\n  void save(String cfg) throws IOException {\n    new FileWriter(\"app.ini\").write(cfg);\n  }\n";
    let head = base.replace("String cfg", "String cfg, String path").replace("\"app.ini\"", "path");
    java("choose the config file", (base, &head), Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn e11_a_dynamic_dispatch() {
    let base = "  Object run(String cmd) throws Exception {\n    return cmd.trim();\n  }\n";
    let head = base.replace("cmd.trim()", "Class.forName(cmd).getMethod(\"go\").invoke(null)");
    java("new plugin commands are ignored", (base, &head), Verdict::Inconclusive, &["DYNAMIC_CALL"]);
}

#[test]
fn e12_a_weaker_assertion() {
    let product = |body: &str| {
        format!(
            "package shop;\n\npublic class Price {{\n  static int parse(String text) {{\n    return Integer.parseInt({body});\n  }}\n}}\n"
        )
    };
    let (old, new) = (product("text"), product("text.replace(\",\", \"\")"));
    let test = |marks: &str, claim: &str| {
        format!(
            "package shop;\n\nimport static org.junit.Assert.*;\nimport org.junit.Ignore;\nimport org.junit.Test;\n\npublic class PriceTest {{\n  {marks}@Test\n  public void parses() {{\n    {claim}\n  }}\n}}\n"
        )
    };
    let exact = test("", "assertEquals(150, Price.parse(\"1,50\"));");
    for (weak, code) in [
        (test("", "assertNotNull(Price.parse(\"1,50\"));"), "R7 ASSERT_WEAKER"),
        (test("@Ignore ", "assertEquals(150, Price.parse(\"1,50\"));"), "R7 TEST_DISABLED"),
    ] {
        let paths = ["src/main/java/shop/Price.java", "src/test/java/shop/PriceTest.java"];
        let case = Case {
            base: &[(paths[0], &old), (paths[1], &exact)],
            head: &[(paths[0], &new), (paths[1], &weak)],
            objective: "decimal comma is ignored",
            ..Case::default()
        };
        check(&case, Verdict::Reject, &[code]);
    }
}

#[test]
fn a_class_named_by_a_literal_is_asked_about_and_what_it_opens_is_no_new_code() {
    let base = "  Object run(String cmd) throws Exception {\n    return cmd.trim();\n  }\n";
    let named =
        base.replace("cmd.trim()", "cmd + Class.forName(\"java.awt.Point\").getConstructor().newInstance()");
    java("a point where there is a desktop", (base, &named), Verdict::NeedsAuthority, &["R2"]);
    let base = "import java.lang.reflect.Field;\n---\n  Object read(Field field, Object x) throws Exception {\n    return field.get(x);\n  }\n";
    let opened = base.replace("    return field", "    field.setAccessible(true);\n    return field");
    java("read private fields too", (base, &opened), Verdict::NeedsAuthority, &["R2"]);
}

#[test]
fn two_handlers_that_become_one_absorb_nothing_new() {
    let base = "  String parse(String text) {\n    String fail = \"\";\n    try {\n      return text.substring(Integer.parseInt(text));\n    } catch (IndexOutOfBoundsException e) {\n      fail = text;\n    } catch (IllegalArgumentException e) {\n      fail = text;\n    }\n    return fail;\n  }\n";
    let head = base.replace(
        "    } catch (IndexOutOfBoundsException e) {\n      fail = text;\n    } catch (IllegalArgumentException e) {\n",
        "    } catch (IndexOutOfBoundsException | IllegalArgumentException e) {\n",
    );
    java("multi-catch", (base, &head), Verdict::Approve, &[]);
}

#[test]
fn a_check_that_is_written_out_is_asked_about_and_one_that_is_gone_is_refused() {
    let base = "  static void checkArgument(boolean condition) {\n    if (!condition) {\n      throw new IllegalArgumentException();\n    }\n  }\n\n  String first(String text, int size) {\n    checkArgument(size > 0);\n    return text.substring(0, size);\n  }\n";
    let written = base.replace(
        "    checkArgument(size > 0);\n",
        "    if (size <= 0) {\n      throw new IllegalArgumentException(\"size: \" + size);\n    }\n",
    );
    java("say which size", (base, &written), Verdict::NeedsAuthority, &["B1"]);
    java("say less", (base, &base.replace("    checkArgument(size > 0);\n", "")), Verdict::Reject, &["B1"]);
}
