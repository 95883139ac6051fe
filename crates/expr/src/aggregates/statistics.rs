//! Variance and deviation (exact for integers and numerics), and the regressions of two floats. The floats are added
//! by Youngs and Cramer's updates, as PostgreSQL does, so that the last digits agree.

use super::states::{Fold, PerGroup};
use super::sum::unexpected;
use crate::aggregate::Accumulator;
use crate::columnwise::push;
use crate::context::Context;
use types::vector::Data;
use types::{DataType, Error, Numeric, Result, Value, Vector, err};

macro_rules! moments {
    ($($name:ident $sample:literal $root:literal;)*) => { $(
        pub(super) fn $name(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
            match args {
                [DataType::Float4 | DataType::Float8] => PerGroup::<FloatMoments<$sample, $root>>::boxed(returns),
                _ => PerGroup::<NumericMoments<$sample, $root>>::boxed(returns),
            }
        }
    )* };
}
moments! {
    variance_sample true false;
    variance_population false false;
    deviation_sample true true;
    deviation_population false true;
}

/// Count, sum, and sum of squared distances from the mean.
#[derive(Default, Clone)]
struct FloatMoments<const SAMPLE: bool, const ROOT: bool> {
    count: f64,
    sum: f64,
    squares: f64,
}

impl<const SAMPLE: bool, const ROOT: bool> Fold for FloatMoments<SAMPLE, ROOT> {
    fn add_f64(&mut self, value: f64) -> Result<()> {
        let sum_before = self.sum;
        self.count += 1.0;
        self.sum += value;
        if self.count > 1.0 {
            let distance = value * self.count - self.sum;
            self.squares += distance * distance / (self.count * (self.count - 1.0));
            if self.sum.is_infinite() || self.squares.is_infinite() {
                if sum_before.is_finite() && value.is_finite() {
                    return Err(err!(NumericValueOutOfRange, "value out of range: overflow"));
                }
                self.squares = f64::NAN;
            }
        } else if !value.is_finite() {
            self.squares = f64::NAN;
        }
        Ok(())
    }
    fn add(&mut self, value: &Value) -> Result<()> {
        Err(unexpected(value))
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        let divisor = if SAMPLE { self.count - 1.0 } else { self.count };
        if divisor <= 0.0 {
            return Ok(Value::Null);
        }
        let variance = self.squares / divisor;
        Ok(Value::Float8(if ROOT { variance.sqrt() } else { variance }))
    }
}

/// Exact sums of the values and of their squares.
#[derive(Default, Clone)]
struct NumericMoments<const SAMPLE: bool, const ROOT: bool> {
    count: i64,
    sum: Numeric,
    squares: Numeric,
}

impl<const SAMPLE: bool, const ROOT: bool> Fold for NumericMoments<SAMPLE, ROOT> {
    fn add_numeric(&mut self, value: &Numeric) -> Result<()> {
        self.count += 1;
        self.sum = self.sum.add(value)?;
        self.squares = self.squares.add(&value.mul(value)?)?;
        Ok(())
    }
    fn add_i64(&mut self, value: i64) -> Result<()> {
        self.add_numeric(&Numeric::from(value))
    }
    fn add(&mut self, value: &Value) -> Result<()> {
        Err(unexpected(value))
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        let divisor = if SAMPLE { self.count - 1 } else { self.count };
        if divisor <= 0 {
            return Ok(Value::Null);
        }
        if !self.sum.is_finite() || !self.squares.is_finite() {
            return Ok(Value::Numeric(Numeric::NAN));
        }
        let count = Numeric::from(self.count);
        // (n * sum of squares - square of the sum) / (n * (n or n - 1))
        let scatter = count.mul(&self.squares)?.sub(&self.sum.mul(&self.sum)?)?;
        if scatter.is_zero() || scatter.is_negative() {
            return Ok(Value::Numeric(Numeric::from(0)));
        }
        let variance = scatter.div(&count.mul(&Numeric::from(divisor))?)?;
        if !ROOT {
            return Ok(Value::Numeric(variance));
        }
        let scale = variance.scale().unwrap_or(0);
        variance.sqrt()?.round(scale).map(Value::Numeric)
    }
}

macro_rules! regressions {
    ($($name:ident = $result:expr;)*) => { $(
        pub(super) fn $name(_: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
            Box::new(Regression { states: vec![], returns, result: $result })
        }
    )* };
}
regressions! {
    regr_count = |s| Value::Int8(s.count as i64);
    regr_sxx = |s| s.known(0.0, s.xx);
    regr_syy = |s| s.known(0.0, s.yy);
    regr_sxy = |s| s.known(0.0, s.xy);
    regr_avgx = |s| s.known(0.0, s.x / s.count);
    regr_avgy = |s| s.known(0.0, s.y / s.count);
    covar_pop = |s| s.known(0.0, s.xy / s.count);
    covar_samp = |s| s.known(1.0, s.xy / (s.count - 1.0));
    corr = |s| if s.xx == 0.0 || s.yy == 0.0 { Value::Null } else { s.known(0.0, s.xy / (s.xx * s.yy).sqrt()) };
    regr_r2 = |s| match () {
        () if s.xx == 0.0 => Value::Null,
        () if s.yy == 0.0 => s.known(0.0, 1.0),
        () => s.known(0.0, (s.xy * s.xy) / (s.xx * s.yy)),
    };
    regr_slope = |s| if s.xx == 0.0 { Value::Null } else { s.known(0.0, s.xy / s.xx) };
    regr_intercept = |s| if s.xx == 0.0 { Value::Null } else { s.known(0.0, (s.y - s.x * s.xy / s.xx) / s.count) };
}

/// Of pairs (y, x).
#[derive(Default, Clone, Copy)]
struct Pairs {
    count: f64,
    x: f64,
    xx: f64,
    y: f64,
    yy: f64,
    xy: f64,
}

impl Pairs {
    fn add(&mut self, y: f64, x: f64) -> Result<()> {
        let before = *self;
        self.count += 1.0;
        self.x += x;
        self.y += y;
        if self.count > 1.0 {
            let (from_x, from_y) = (x * self.count - self.x, y * self.count - self.y);
            let scale = 1.0 / (self.count * (self.count - 1.0));
            self.xx += from_x * from_x * scale;
            self.yy += from_y * from_y * scale;
            self.xy += from_x * from_y * scale;
            let sums = [self.x, self.xx, self.y, self.yy, self.xy];
            if sums.iter().any(|sum| sum.is_infinite()) {
                let x_overflow =
                    (self.x.is_infinite() || self.xx.is_infinite()) && before.x.is_finite() && x.is_finite();
                let y_overflow =
                    (self.y.is_infinite() || self.yy.is_infinite()) && before.y.is_finite() && y.is_finite();
                if x_overflow || y_overflow {
                    return Err(err!(NumericValueOutOfRange, "value out of range: overflow"));
                }
                for sum in [&mut self.xx, &mut self.yy, &mut self.xy] {
                    if sum.is_infinite() {
                        *sum = f64::NAN;
                    }
                }
            }
        } else {
            if !x.is_finite() {
                (self.xx, self.xy) = (f64::NAN, f64::NAN);
            }
            if !y.is_finite() {
                (self.yy, self.xy) = (f64::NAN, f64::NAN);
            }
        }
        Ok(())
    }

    /// NULL for no more than `fewest` pairs.
    fn known(&self, fewest: f64, result: f64) -> Value {
        if self.count > fewest { Value::Float8(result) } else { Value::Null }
    }
}

struct Regression {
    states: Vec<Pairs>,
    returns: DataType,
    result: fn(&Pairs) -> Value,
}

impl Accumulator for Regression {
    fn update(
        &mut self,
        groups: &[usize],
        group_count: usize,
        args: &[Vector],
        _: &Context<'_>,
    ) -> Result<()> {
        self.states.resize(group_count.max(self.states.len()), Pairs::default());
        let [y, x] = args else { return Err(Error::internal("a regression of other than two columns")) };
        let (Data::F64(ys), Data::F64(xs)) = (&y.data, &x.data) else {
            return Err(Error::internal("a regression of other than floats"));
        };
        for (row, &group) in groups.iter().enumerate() {
            if !y.is_null(row) && !x.is_null(row) {
                self.states[group].add(ys[row], xs[row])?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, group_count: usize, _: &Context<'_>) -> Result<Vector> {
        self.states.resize(group_count.max(self.states.len()), Pairs::default());
        let mut out = Vector::new(self.returns);
        for state in &self.states[..group_count] {
            push(&mut out, (self.result)(state))?;
        }
        Ok(out)
    }
}
