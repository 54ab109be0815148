//! From the columns of a table to the inputs of a network.

use super::{Place, Table};
use crate::{Error, Result};
use gradus_linalg::Real;
use gradus_linalg::ndarray::Array2;

/// What stands for a missing number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fill {
    /// The mean of the numbers that are there, in the data that are fitted to.
    Mean,
    /// The median of the numbers that are there, in the data that are fitted to.
    Median,
    /// This number.
    Value(f64),
}

/// A plan of which columns a network is to see, and how: fitted to a table it is an [`Encoder`].
///
/// | column | becomes |
/// | --- | --- |
/// | `number` | itself; a missing number is an error |
/// | `number_or` | itself, or what [`Fill`] says |
/// | `one_hot` | a column for each category of the training data, 1 in the row's own and 0 elsewhere |
/// | `ordinal` | the place of its category in the order that you give: 0, 1, 2, … |
///
/// # Examples
/// ```
/// use gradus_data::{Csv, Features};
/// use gradus_linalg::ndarray::array;
///
/// let train = "age,port,class\n20,Rome,low\n40,Oslo,high\n";
/// let train = Csv::new().read_from(train.as_bytes(), "train.csv")?;
/// let encoder = Features::new().number("age").one_hot("port").ordinal("class", ["low", "high"]).fit(&train)?;
/// assert_eq!(encoder.names(), ["age", "port=Oslo", "port=Rome", "class"]);
/// assert_eq!(encoder.encode::<f32>(&train)?, array![[20., 0., 1., 0.], [40., 1., 0., 1.]]);
///
/// let later = Csv::new().read_from("age,port,class\n30,Bonn,low\n".as_bytes(), "later.csv")?;
/// assert_eq!(
///     encoder.encode::<f32>(&later).unwrap_err().to_string(),
///     "encode: later.csv, line 2, column port: \"Bonn\" is no known category; known are \"Oslo\", \"Rome\""
/// );
/// # Ok::<(), gradus_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Features {
    plan: Vec<Plan>,
    unknown_as_zeros: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Plan {
    Number { name: String, fill: Option<Fill> },
    OneHot { name: String },
    Ordinal { name: String, categories: Vec<String> },
}

impl Features {
    /// No column yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A column of numbers, all of which must be there.
    #[must_use]
    pub fn number(mut self, name: impl Into<String>) -> Self {
        self.plan.push(Plan::Number { name: name.into(), fill: None });
        self
    }

    /// A column of numbers, and what stands for one that is missing.
    #[must_use]
    pub fn number_or(mut self, name: impl Into<String>, fill: Fill) -> Self {
        self.plan.push(Plan::Number { name: name.into(), fill: Some(fill) });
        self
    }

    /// A column for each category, those of the data that are fitted to, in ascending order.
    #[must_use]
    pub fn one_hot(mut self, name: impl Into<String>) -> Self {
        self.plan.push(Plan::OneHot { name: name.into() });
        self
    }

    /// Categories with an order, from the lowest to the highest.
    #[must_use]
    pub fn ordinal<S: Into<String>>(
        mut self,
        name: impl Into<String>,
        categories: impl IntoIterator<Item = S>,
    ) -> Self {
        let categories = categories.into_iter().map(Into::into).collect();
        self.plan.push(Plan::Ordinal { name: name.into(), categories });
        self
    }

    /// One-hot columns are all 0 where a category is missing or unknown, instead of an error.
    #[must_use]
    pub fn unknown_as_zeros(mut self) -> Self {
        self.unknown_as_zeros = true;
        self
    }

    /// Learns categories and fillings from the training data.
    ///
    /// # Errors
    /// - [`Error::NoColumn`], [`Error::NotNumbers`] if a column is not there or not of numbers.
    /// - [`Error::NothingToLearn`] if a column has no value to take the mean or the categories of.
    /// - [`Error::NotFinite`] if a number to fill in is not finite.
    pub fn fit(self, table: &Table) -> Result<Encoder> {
        let learn = |plan| -> Result<EncodedColumn> {
            Ok(match plan {
                Plan::Number { name, fill } => {
                    let numbers = table.numbers(&name)?;
                    let fill = fill.map(|fill| fill.number(numbers, &name, table)).transpose()?;
                    EncodedColumn::Number { name, fill }
                }
                Plan::OneHot { name } => {
                    let categories = table.categories(&name)?;
                    if categories.is_empty() {
                        return Err(Error::NothingToLearn { path: table.path().into(), name });
                    }
                    EncodedColumn::OneHot { name, categories, unknown_as_zeros: self.unknown_as_zeros }
                }
                Plan::Ordinal { name, categories } => {
                    table.column(&name)?;
                    EncodedColumn::Ordinal { name, categories }
                }
            })
        };
        Ok(Encoder { columns: self.plan.into_iter().map(learn).collect::<Result<_>>()? })
    }
}

impl Fill {
    fn number(self, numbers: &[f64], name: &str, table: &Table) -> Result<f64> {
        let mut there: Vec<f64> = numbers.iter().copied().filter(|x| !x.is_nan()).collect();
        let nothing = || Error::NothingToLearn { path: table.path().into(), name: name.into() };
        match self {
            Self::Value(x) if x.is_finite() => Ok(x),
            Self::Value(found) => Err(Error::NotFinite { operation: "number_or", sample: 0, feature: 0, found }),
            _ if there.is_empty() => Err(nothing()),
            // Divided before they are added: the sum of large numbers could overflow.
            Self::Mean => Ok(there.iter().map(|x| x / there.len() as f64).sum()),
            Self::Median => {
                there.sort_unstable_by(f64::total_cmp);
                let (low, high) = (there[(there.len() - 1) / 2], there[there.len() / 2]);
                Ok(low / 2.0 + high / 2.0)
            }
        }
    }
}

/// A column as an [`Encoder`] knows it. All of it is plain data, to be kept with the model.
#[derive(Debug, Clone, PartialEq)]
pub enum EncodedColumn {
    /// A number.
    Number {
        /// The column's name.
        name: String,
        /// What stands for a missing one, if it is no error.
        fill: Option<f64>,
    },
    /// A column of zeros and ones for each category.
    OneHot {
        /// The column's name.
        name: String,
        /// The categories, in the order of their columns.
        categories: Vec<String>,
        /// Whether a missing or unknown category gives zeros; otherwise it is an error.
        unknown_as_zeros: bool,
    },
    /// The place of a category in an order.
    Ordinal {
        /// The column's name.
        name: String,
        /// The categories, from the lowest to the highest.
        categories: Vec<String>,
    },
}

/// Turns the columns of a table into inputs, the same way for training data and for those that come later:
/// made by [`Features::fit`], or of kept `columns`.
///
/// # Examples
/// ```
/// use gradus_data::{Csv, Encoder, EncodedColumn};
/// use gradus_linalg::ndarray::array;
///
/// let kept = Encoder { columns: vec![EncodedColumn::Number { name: "age".into(), fill: Some(35.0) }] };
/// let table = Csv::new().read_from("id,age\n1,20\n2,\n".as_bytes(), "people.csv")?;
/// assert_eq!(kept.encode::<f64>(&table)?, array![[20.], [35.]]);
/// # Ok::<(), gradus_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Encoder {
    /// The columns that it takes from a table, in the order of the inputs.
    pub columns: Vec<EncodedColumn>,
}

impl Encoder {
    /// The name of each input: that of its column, with `=category` behind it for one-hot.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let names = self.columns.iter().flat_map(|column| match column {
            EncodedColumn::Number { name, .. } | EncodedColumn::Ordinal { name, .. } => vec![name.clone()],
            EncodedColumn::OneHot { name, categories, .. } => {
                categories.iter().map(|category| format!("{name}={category}")).collect()
            }
        });
        names.collect()
    }

    /// The number of inputs.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.iter().map(EncodedColumn::width).sum()
    }

    /// The inputs, `(rows, width)`.
    ///
    /// # Errors
    /// - [`Error::NoColumn`], [`Error::NotNumbers`] if a column is not there or not of numbers.
    /// - [`Error::MissingValue`], [`Error::UnknownCategory`] with file, line and column.
    pub fn encode<F: Real>(&self, table: &Table) -> Result<Array2<F>> {
        let mut inputs = Array2::zeros((table.rows(), self.width()));
        let mut at = 0;
        for column in &self.columns {
            column.encode(table, &mut |row, place, x| inputs[[row, at + place]] = F::from_f64(x))?;
            at += column.width();
        }
        Ok(inputs)
    }
}

impl EncodedColumn {
    fn width(&self) -> usize {
        match self {
            Self::Number { .. } | Self::Ordinal { .. } => 1,
            Self::OneHot { categories, .. } => categories.len(),
        }
    }

    /// Hands out row, place and number of all that is not 0.
    fn encode(&self, table: &Table, put: &mut impl FnMut(usize, usize, f64)) -> Result<()> {
        match self {
            Self::Number { name, fill } => {
                for (row, &x) in table.numbers(name)?.iter().enumerate() {
                    let x = if x.is_nan() { fill.ok_or_else(|| table.missing(name, row))? } else { x };
                    put(row, 0, x);
                }
            }
            Self::OneHot { name, categories, unknown_as_zeros } => {
                for (row, place) in table.places(name, categories)?.into_iter().enumerate() {
                    match place {
                        Place::Of(place) => put(row, place, 1.0),
                        _ if *unknown_as_zeros => {}
                        Place::Missing => return Err(table.missing(name, row)),
                        Place::Unknown => return Err(table.unknown(name, row, categories)),
                    }
                }
            }
            Self::Ordinal { name, categories } => {
                for (row, place) in table.labels_as(name, categories)?.into_iter().enumerate() {
                    put(row, 0, place as f64);
                }
            }
        }
        Ok(())
    }
}
