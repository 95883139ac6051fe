//! Choosing among functions or operators of one name by the types of the arguments (PostgreSQL 15, chapter 10; a port
//! of `func_select_candidate` and of the rules for polymorphic arguments).

use crate::aggregate::Aggregate;
use crate::function::{Argument, Function, Resolved};
use types::cast::Context;
use types::{DataType, Result};

/// What is chosen among: functions and aggregates.
pub(crate) trait Target: Copy {
    fn args(&self) -> &'static [Argument];
    fn returns(&self) -> Argument;
}

impl Target for &'static Function {
    fn args(&self) -> &'static [Argument] {
        self.args
    }
    fn returns(&self) -> Argument {
        self.returns
    }
}

impl Target for &'static Aggregate {
    fn args(&self) -> &'static [Argument] {
        self.args
    }
    fn returns(&self) -> Argument {
        self.returns
    }
}

/// A function with its argument list stretched to the number of arguments given.
#[derive(Debug, Clone)]
pub(crate) struct Candidate<T> {
    pub target: T,
    pub args: Vec<Argument>,
    /// VARIADIC was expanded: loses against an equal one that needs none.
    stretched: bool,
}

pub(crate) enum Selected<'a, T> {
    None,
    One(&'a Candidate<T>),
    Many,
}

impl Candidate<&'static Function> {
    /// None if the function cannot take this many arguments.
    pub fn new(function: &'static Function, count: usize) -> Option<Candidate<&'static Function>> {
        if !function.variadic {
            return Candidate::plain(function, count);
        }
        let (last, fixed) = function.args.split_last()?;
        if count <= fixed.len() {
            return None;
        }
        let each = match last {
            Argument::AnyArray => Argument::AnyElement,
            Argument::AnyCompatibleArray => Argument::AnyCompatible,
            Argument::Is(array) => array.element().map_or(*last, Argument::Is),
            other => *other,
        };
        let mut args = fixed.to_vec();
        args.resize(count, each);
        Some(Candidate { target: function, args, stretched: true })
    }

    pub fn resolved(&self, given: &[DataType]) -> Result<Resolved> {
        let (arguments, returns) = self.types(given)?;
        Ok(Resolved { function: self.target, arguments, returns })
    }
}

impl<T: Target> Candidate<T> {
    /// Without stretching: operators, aggregates, and calls with VARIADIC before the last argument.
    pub fn plain(target: T, count: usize) -> Option<Candidate<T>> {
        (target.args().len() == count).then(|| Candidate {
            target,
            args: target.args().to_vec(),
            stretched: false,
        })
    }

    /// The types to cast the arguments to, and the result's.
    pub fn types(&self, given: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
        let binding = Binding::new(&self.args, given)?;
        let arguments =
            self.args.iter().zip(given).map(|(arg, given)| binding.argument(*arg, *given)).collect();
        Ok((arguments, binding.returns(self.target.returns())?))
    }

    fn exact(&self, given: &[DataType]) -> bool {
        self.args.iter().zip(given).all(|(arg, given)| *arg == Argument::Is(*given))
    }

    fn accepts(&self, given: &[DataType]) -> bool {
        self.args.iter().zip(given).all(|(arg, given)| accepts(*arg, *given))
            && Binding::consistent(&self.args, given)
    }
}

/// Rules 2 to 4 of 10.3: exact match, else implicit casts, else [`best`].
pub(crate) fn select<'a, T: Target>(candidates: &'a [Candidate<T>], given: &[DataType]) -> Selected<'a, T> {
    let exact = |stretched| candidates.iter().find(|c| c.stretched == stretched && c.exact(given));
    if let Some(candidate) = exact(false).or_else(|| exact(true)) {
        return Selected::One(candidate);
    }
    let mut fitting: Vec<&Candidate<T>> =
        candidates.iter().filter(|candidate| candidate.accepts(given)).collect();
    // A variadic form of a signature that is there without: the plain one wins.
    let plain: Vec<Vec<Argument>> = fitting.iter().filter(|c| !c.stretched).map(|c| c.args.clone()).collect();
    fitting.retain(|c| !c.stretched || !plain.contains(&c.args));
    match fitting.as_slice() {
        [] => Selected::None,
        [one] => Selected::One(one),
        _ => best(fitting, given).map_or(Selected::Many, Selected::One),
    }
}

/// `func_select_candidate`: which of several that would do.
fn best<'a, T: Target>(
    mut candidates: Vec<&'a Candidate<T>>,
    given: &[DataType],
) -> Option<&'a Candidate<T>> {
    let known = |position: usize| given[position] != DataType::Unknown;
    let positions = 0..given.len();

    keep_best(&mut candidates, |candidate| {
        positions.clone().filter(|&i| known(i) && candidate.args[i] == Argument::Is(given[i])).count()
    });
    if let [one] = candidates.as_slice() {
        return Some(one);
    }
    keep_best(&mut candidates, |candidate| {
        let fits = |i: usize| match candidate.args[i] {
            Argument::Is(ty) => ty == given[i] || (is_preferred(ty) && ty.category() == given[i].category()),
            _ => false,
        };
        positions.clone().filter(|&i| known(i) && fits(i)).count()
    });
    if let [one] = candidates.as_slice() {
        return Some(one);
    }
    if positions.clone().all(known) {
        return None;
    }

    if let Some(categories) = unknown_categories(&candidates, given) {
        let fits = |candidate: &Candidate<T>| {
            positions.clone().filter(|&i| !known(i)).zip(&categories).all(|(i, (category, preferred))| {
                let (mine, is_preferred) = category_of(candidate.args[i]);
                mine == *category && (is_preferred || !preferred)
            })
        };
        let kept: Vec<&Candidate<T>> =
            candidates.iter().copied().filter(|candidate| fits(candidate)).collect();
        if !kept.is_empty() {
            candidates = kept;
        }
        if let [one] = candidates.as_slice() {
            return Some(one);
        }
    }

    // The last rule: all known arguments are of one type; suppose the unknown ones are, too.
    let mut all_known = given.iter().copied().filter(|ty| *ty != DataType::Unknown);
    let first = all_known.next()?;
    if all_known.any(|ty| ty != first) {
        return None;
    }
    let supposed = vec![first; given.len()];
    let mut fitting = candidates.into_iter().filter(|candidate| candidate.accepts(&supposed));
    let one = fitting.next()?;
    fitting.next().is_none().then_some(one)
}

/// For each unknown argument, the category its candidates agree on, and whether one of them is the preferred type.
/// None if they do not agree; "string" wins over any other.
fn unknown_categories<T>(candidates: &[&Candidate<T>], given: &[DataType]) -> Option<Vec<(char, bool)>> {
    let mut categories = Vec::new();
    for position in (0..given.len()).filter(|&i| given[i] == DataType::Unknown) {
        let mut chosen: Option<(char, bool)> = None;
        let mut conflict = false;
        for candidate in candidates {
            let (category, preferred) = category_of(candidate.args[position]);
            match &mut chosen {
                None => chosen = Some((category, preferred)),
                Some((chosen, has_preferred)) if *chosen == category => *has_preferred |= preferred,
                Some(chosen) if category == 'S' => *chosen = (category, preferred),
                Some(_) => conflict = true,
            }
        }
        let chosen = chosen?;
        if conflict && chosen.0 != 'S' {
            return None;
        }
        categories.push(chosen);
    }
    Some(categories)
}

fn keep_best<T>(candidates: &mut Vec<&Candidate<T>>, score: impl Fn(&Candidate<T>) -> usize) {
    let scores: Vec<usize> = candidates.iter().map(|candidate| score(candidate)).collect();
    let best = scores.iter().copied().max().unwrap_or(0);
    let mut scores = scores.into_iter();
    candidates.retain(|_| scores.next() == Some(best));
}

/// `pg_type.typispreferred`.
pub(crate) const fn is_preferred(ty: DataType) -> bool {
    use DataType::*;
    matches!(ty, Bool | Float8 | Oid | Text | TimestampTz | Interval)
}

fn category_of(arg: Argument) -> (char, bool) {
    match arg {
        Argument::Is(ty) => (ty.category(), is_preferred(ty)),
        _ => ('P', false),
    }
}

/// Whether an argument of type `from` may stand where `to` is wanted, without being asked.
pub(crate) fn casts_implicitly(from: DataType, to: DataType) -> bool {
    from == to || from == DataType::Unknown || types::cast::context(from, to) == Some(Context::Implicit)
}

fn accepts(arg: Argument, given: DataType) -> bool {
    match arg {
        Argument::Is(ty) => casts_implicitly(given, ty),
        Argument::Any | Argument::AnyElement | Argument::AnyCompatible => true,
        Argument::AnyNonArray => !given.is_array(),
        Argument::AnyArray | Argument::AnyCompatibleArray => {
            given == DataType::Unknown || element_of(given).is_some()
        }
    }
}

/// The element type, also of the catalog's vectors.
fn element_of(ty: DataType) -> Option<DataType> {
    match ty {
        DataType::Int2Vector => Some(DataType::Int2),
        DataType::OidVector => Some(DataType::Oid),
        _ => ty.element(),
    }
}

/// What the polymorphic arguments stand for in one call.
#[derive(Default)]
struct Binding {
    element: Option<DataType>,
    /// The array type itself where it is not its element's ordinary one (int2vector).
    array: Option<DataType>,
    compatible: Option<DataType>,
}

impl Binding {
    fn consistent(args: &[Argument], given: &[DataType]) -> bool {
        Binding::find(args, given).is_some()
    }

    /// None if the arguments contradict each other.
    fn find(args: &[Argument], given: &[DataType]) -> Option<Binding> {
        let mut binding = Binding::default();
        let mut compatible = Vec::new();
        for (arg, &given) in args.iter().zip(given) {
            if given == DataType::Unknown {
                continue;
            }
            match arg {
                Argument::AnyElement | Argument::AnyNonArray => {
                    if *binding.element.get_or_insert(given) != given {
                        return None;
                    }
                }
                Argument::AnyArray => {
                    let element = element_of(given)?;
                    if *binding.element.get_or_insert(element) != element {
                        return None;
                    }
                    binding.array = Some(given);
                }
                Argument::AnyCompatible => compatible.push(given),
                Argument::AnyCompatibleArray => compatible.push(element_of(given)?),
                Argument::Is(_) | Argument::Any => {}
            }
        }
        if !compatible.is_empty() {
            binding.compatible = Some(common_type(&compatible)?);
        }
        Some(binding)
    }

    fn new(args: &[Argument], given: &[DataType]) -> Result<Binding> {
        let undetermined = || {
            types::err!(
                DatatypeMismatch,
                "could not determine polymorphic type because input has type unknown"
            )
        };
        let mut binding = Binding::find(args, given).ok_or_else(undetermined)?;
        let wants = |kinds: &[Argument]| args.iter().any(|arg| kinds.contains(arg));
        if binding.compatible.is_none() && wants(&[Argument::AnyCompatible, Argument::AnyCompatibleArray]) {
            binding.compatible = Some(DataType::Text);
        }
        if binding.element.is_none()
            && wants(&[Argument::AnyElement, Argument::AnyArray, Argument::AnyNonArray])
        {
            return Err(undetermined());
        }
        Ok(binding)
    }

    fn argument(&self, arg: Argument, given: DataType) -> DataType {
        let array = |element: Option<DataType>| element.and_then(DataType::array).unwrap_or(given);
        match arg {
            Argument::Is(ty) => ty,
            Argument::Any => given,
            Argument::AnyElement | Argument::AnyNonArray => self.element.unwrap_or(given),
            Argument::AnyArray => self.array.unwrap_or_else(|| array(self.element)),
            Argument::AnyCompatible => self.compatible.unwrap_or(given),
            Argument::AnyCompatibleArray => array(self.compatible),
        }
    }

    fn returns(&self, returns: Argument) -> Result<DataType> {
        let array_of = |element: DataType| {
            element.array().ok_or_else(|| {
                types::err!(UndefinedObject, "could not find array type for data type {element}")
            })
        };
        let undetermined = || types::Error::internal("a polymorphic result without a polymorphic argument");
        match returns {
            Argument::Is(ty) => Ok(ty),
            Argument::AnyElement | Argument::AnyNonArray => self.element.ok_or_else(undetermined),
            Argument::AnyCompatible => self.compatible.ok_or_else(undetermined),
            Argument::AnyArray => match (self.array, self.element) {
                (Some(array), _) => Ok(array),
                (None, Some(element)) => array_of(element),
                (None, None) => Err(undetermined()),
            },
            Argument::AnyCompatibleArray => array_of(self.compatible.ok_or_else(undetermined)?),
            Argument::Any => Ok(DataType::Unknown),
        }
    }
}

/// The type that UNION, CASE, COALESCE, ARRAY and anycompatible give to inputs of these types (10.5), by implicit casts
/// only. Unknown inputs do not count; all unknown is text. None if there is none.
pub fn common_type(inputs: &[DataType]) -> Option<DataType> {
    let mut chosen: Option<DataType> = None;
    for &ty in inputs.iter().filter(|ty| **ty != DataType::Unknown) {
        match chosen {
            None => chosen = Some(ty),
            Some(current) if current == ty => {}
            Some(current) if current.category() != ty.category() => return None,
            // The first that is not preferred gives way to one that it casts to and that does not cast back.
            Some(current)
                if !is_preferred(current)
                    && casts_implicitly(current, ty)
                    && !casts_implicitly(ty, current) =>
            {
                chosen = Some(ty);
            }
            Some(_) => {}
        }
    }
    let chosen = chosen.unwrap_or(DataType::Text);
    inputs.iter().all(|&ty| casts_implicitly(ty, chosen)).then_some(chosen)
}

/// `integer, unknown`: for messages.
pub(crate) fn type_list(types: &[DataType]) -> String {
    types.iter().map(|ty| ty.to_string()).collect::<Vec<_>>().join(", ")
}
