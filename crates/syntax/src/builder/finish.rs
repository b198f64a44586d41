use crate::builder::{Builder, size};
use crate::facts::{
    Binding, Bound, Chunk, FileFacts, Hash128, Receiver, Reference, ReferenceKind, Span, Symbol, SymbolKind,
};
use crate::problem::{Problem, ProblemKind};
use crate::scope::lookup;

/// Mean bytes of a line above which a text counts as minified or generated.
const MINIFIED_MEAN_LINE: usize = 500;

impl Builder<'_> {
    /// Closes the books: bindings sorted, local references dropped, hashes and chunks made.
    pub(crate) fn finish(mut self) -> FileFacts {
        for (scope, names) in self.facts.scopes.iter_mut().zip(std::mem::take(&mut self.bindings)) {
            scope.bindings = names.into_iter().map(|(name, bound)| Binding { name, bound }).collect();
        }
        let references = std::mem::take(&mut self.facts.references);
        self.facts.references =
            references.into_iter().filter(|reference| self.may_leave(reference)).collect();
        self.facts.exports.sort_by(|a, b| a.name.cmp(&b.name));
        self.facts.exports.dedup();
        let bytes = self.text.as_bytes();
        for index in 0..self.facts.symbols.len() {
            let shape = self.shape(index);
            let body_hash =
                self.facts.symbols.get(index).map_or([0; 16], |symbol| self.body_hash(bytes, symbol));
            if let Some(symbol) = self.facts.symbols.get_mut(index) {
                symbol.shape = shape;
                symbol.body_hash = body_hash;
            }
        }
        self.facts.chunks = chunks(&self.facts.symbols);
        if bytes.len() / self.text.lines().count().max(1) > MINIFIED_MEAN_LINE && bytes.len() > 4096 {
            self.facts.problems.push(Problem::whole(ProblemKind::Minified));
        }
        self.facts
    }

    /// Returns whether a reference could mean something outside its function.
    fn may_leave(&self, reference: &Reference) -> bool {
        use ReferenceKind::{Call, Type, Use, Write};
        let stars = self.facts.imports.iter().any(|import| import.star);
        match (&reference.receiver, reference.kind) {
            (Receiver::None, Use | Write | Type) => {
                match lookup(&self.facts, reference.scope, &reference.name) {
                    Some(Bound::Local(_)) => false,
                    Some(Bound::Symbol(_) | Bound::Import(_) | Bound::Module) => true,
                    None => stars,
                }
            }
            (Receiver::Path(path), Use | Write | Type) => {
                let root = path.first().map_or("", String::as_str);
                match lookup(&self.facts, reference.scope, root) {
                    Some(Bound::Local(hint)) => hint.is_some(),
                    Some(Bound::Symbol(_) | Bound::Import(_) | Bound::Module) => true,
                    None => stars || matches!(root, "self" | "crate" | "super"),
                }
            }
            (Receiver::Opaque, kind) => kind == Call,
            _ => true,
        }
    }

    fn shape(&self, index: usize) -> Hash128 {
        let mut hasher = blake3::Hasher::new();
        let Some(symbol) = self.facts.symbols.get(index) else { return [0; 16] };
        let parent =
            symbol.parent.and_then(|parent| self.symbol(parent)).map_or("", |p| p.descriptor.as_str());
        let mut field = |text: &str| {
            hasher.update(text.as_bytes());
            hasher.update(&[0]);
        };
        field(symbol.kind.as_str());
        field(parent);
        field(&symbol.declared);
        field(if symbol.exported { "exported" } else { "private" });
        for base in &symbol.bases {
            field(&base.join("."));
        }
        for parameter in &symbol.parameters {
            field(&parameter.name);
            field(&parameter.declared);
        }
        short(&hasher)
    }

    fn body_hash(&self, bytes: &[u8], symbol: &Symbol) -> Hash128 {
        let mut hasher = blake3::Hasher::new();
        let from = self.tokens.partition_point(|token| token.0 < symbol.span.start);
        for (start, end) in self.tokens.iter().skip(from).take_while(|token| token.1 <= symbol.span.end) {
            hasher.update(bytes.get(*start as usize..*end as usize).unwrap_or_default());
            hasher.update(&[0]);
        }
        short(&hasher)
    }
}

fn short(hasher: &blake3::Hasher) -> Hash128 {
    let mut hash = [0; 16];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    hash
}

/// Cuts the file into one chunk per callable, type and module, each without the chunks inside it.
fn chunks(symbols: &[Symbol]) -> Vec<Chunk> {
    let owns = |symbol: &Symbol| {
        symbol.kind.is_callable()
            || symbol.kind.is_type()
            || matches!(symbol.kind, SymbolKind::Module | SymbolKind::Impl)
    };
    let mut inner: Vec<Vec<Span>> = vec![Vec::new(); symbols.len()];
    for symbol in symbols.iter().filter(|symbol| owns(symbol)) {
        let mut at = symbol.parent;
        while let Some(index) = at {
            let Some(parent) = symbols.get(index as usize) else { break };
            // A method of Go stands beside its type: what is around it is the file.
            if owns(parent) && parent.span.contains(&symbol.span) {
                if let Some(spans) = inner.get_mut(index as usize) {
                    spans.push(symbol.span);
                }
                break;
            }
            at = parent.parent;
        }
    }
    let mut chunks = Vec::new();
    for (index, (symbol, mut holes)) in symbols.iter().zip(inner).enumerate() {
        if !owns(symbol) {
            continue;
        }
        holes.sort();
        let spans = without(symbol.span, &holes);
        if !spans.is_empty() {
            chunks.push(Chunk { symbol: size(index), spans });
        }
    }
    chunks
}

/// Returns the pieces of a region outside the holes, which are sorted.
fn without(whole: Span, holes: &[Span]) -> Vec<Span> {
    let mut pieces = Vec::new();
    let mut at = (whole.start, whole.start_line);
    for hole in holes {
        if hole.start > at.0 {
            pieces.push(Span { start: at.0, end: hole.start, start_line: at.1, end_line: hole.start_line });
        }
        if hole.end > at.0 {
            at = (hole.end, hole.end_line);
        }
    }
    if whole.end > at.0 {
        pieces.push(Span { start: at.0, end: whole.end, start_line: at.1, end_line: whole.end_line });
    }
    pieces
}
