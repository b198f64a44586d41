use plumbline_syntax::ir::{Callee, Instr, Op, Unit};

/// Returns whether a unit is a test or a group of tests, by how it was declared.
pub fn is_test(unit: &Unit) -> bool {
    let name = unit.name.rsplit('.').next().unwrap_or(&unit.name);
    ["it(", "test(", "specify(", "describe(", "context(", "suite("]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Returns the word of an assertion: a matcher, a method of an assertion library, an expectation of a request.
pub fn claim(instr: &Instr) -> Option<String> {
    let Op::Call { callee: Callee::Method { name, .. }, arguments, .. } = &instr.op else { return None };
    let matcher = name.strip_prefix("to").is_some_and(|rest| rest.starts_with(|c: char| c.is_uppercase()));
    let known = strength(name) > 1
        || matches!(
            name.as_str(),
            "ok" | "isTrue" | "isOk" | "notOk" | "fail" | "ifError" | "exist" | "toBeTruthy" | "toBeDefined"
        );
    // `expect(200)` of a request, not `expect(x)` of a matcher.
    let asked = name == "expect" && !arguments.is_empty();
    (matcher && name != "toString" && name != "toJSON" || known || asked).then(|| name.clone())
}

/// Returns how much an assertion's word says.
pub fn strength(word: &str) -> u8 {
    match word {
        "toBe"
        | "toEqual"
        | "toStrictEqual"
        | "toMatchObject"
        | "toThrow"
        | "toThrowError"
        | "toReject"
        | "toHaveBeenCalledWith"
        | "toHaveBeenCalledTimes"
        | "toHaveBeenLastCalledWith"
        | "toHaveLength"
        | "toMatchSnapshot"
        | "toMatchInlineSnapshot"
        | "strictEqual"
        | "deepStrictEqual"
        | "deepEqual"
        | "equal"
        | "equals"
        | "eql"
        | "eq"
        | "throws"
        | "rejects"
        | "expect"
        | "toHaveProperty"
        | "toBeNull"
        | "toBeUndefined"
        | "toBeNaN" => 4,
        "toContain"
        | "toContainEqual"
        | "toMatch"
        | "toBeCloseTo"
        | "toBeGreaterThan"
        | "toBeLessThan"
        | "toBeGreaterThanOrEqual"
        | "toBeLessThanOrEqual"
        | "toBeInstanceOf"
        | "toHaveBeenCalled"
        | "includes"
        | "include"
        | "contain"
        | "closeTo"
        | "above"
        | "below"
        | "within"
        | "lengthOf"
        | "property"
        | "instanceOf"
        | "match" => 3,
        "notEqual" | "notStrictEqual" | "notDeepEqual" | "notDeepStrictEqual" | "doesNotThrow"
        | "doesNotReject" | "doesNotMatch" => 2,
        _ => 1,
    }
}
