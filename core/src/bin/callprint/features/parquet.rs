//! Parquet files: a required string column for each text, an optional float column for each number.

use std::{
    io::{self, Write},
    sync::Arc,
};

use parquet::{
    basic::{LogicalType, Repetition, Type as Physical},
    data_type::{ByteArray, ByteArrayType, DoubleType, FloatType},
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::Type,
};

use super::table::{Cell, Column, Kind};

/// Rows held before they are written out as a group.
const GROUP: usize = 1 << 15;

/// Writes rows, a group at a time.
pub(super) struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Buffer>,
    rows: usize,
}

/// The values of one column of the group being filled; a missing number has no value and definition level 0.
enum Buffer {
    Text(Vec<ByteArray>),
    Single(Vec<f32>, Vec<i16>),
    Double(Vec<f64>, Vec<i16>),
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(super) fn new(out: W, columns: &[Column]) -> io::Result<Self> {
        let fields = columns.iter().map(field).collect::<Result<Vec<_>, _>>().map_err(to_io)?;
        let schema = Type::group_type_builder("features").with_fields(fields).build().map_err(to_io)?;
        let properties = WriterProperties::builder().set_created_by("callprint".to_owned()).build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(to_io)?;
        let columns = columns.iter().map(|column| Buffer::new(column.kind)).collect();
        Ok(Self { file, columns, rows: 0 })
    }

    pub(super) fn row(&mut self, row: &[Cell]) -> io::Result<()> {
        for (buffer, cell) in self.columns.iter_mut().zip(row) {
            buffer.push(cell);
        }
        self.rows += 1;
        if self.rows >= GROUP { self.flush() } else { Ok(()) }
    }

    /// Ends the file. (The writer's own `into_inner` would put words in the place of the system's error.)
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.finish().map(drop).map_err(to_io)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let mut group = self.file.next_row_group().map_err(to_io)?;
        for buffer in &mut self.columns {
            buffer.write(&mut group).map_err(to_io)?;
        }
        group.close().map_err(to_io)?;
        Ok(())
    }
}

impl Buffer {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(Vec::new()),
            Kind::Single => Self::Single(Vec::new(), Vec::new()),
            Kind::Double => Self::Double(Vec::new(), Vec::new()),
        }
    }

    fn push(&mut self, cell: &Cell) {
        match (self, cell) {
            (Self::Text(values), Cell::Text(text)) => values.push(text.as_str().into()),
            (Self::Text(values), _) => values.push(ByteArray::from("")),
            (Self::Single(values, levels), &Cell::Single(value)) if value.is_finite() => {
                values.push(value);
                levels.push(1);
            }
            (Self::Double(values, levels), &Cell::Double(value)) if value.is_finite() => {
                values.push(value);
                levels.push(1);
            }
            (Self::Single(_, levels) | Self::Double(_, levels), _) => levels.push(0),
        }
    }

    /// Writes the column and empties the buffer.
    fn write<W: Write + Send>(&mut self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<(), ParquetError> {
        let Some(mut writer) = group.next_column()? else { return Ok(()) };
        match self {
            Self::Text(values) => {
                writer.typed::<ByteArrayType>().write_batch(values, None, None)?;
                values.clear();
            }
            Self::Single(values, levels) => {
                writer.typed::<FloatType>().write_batch(values, Some(levels), None)?;
                values.clear();
                levels.clear();
            }
            Self::Double(values, levels) => {
                writer.typed::<DoubleType>().write_batch(values, Some(levels), None)?;
                values.clear();
                levels.clear();
            }
        }
        writer.close()
    }
}

fn field(column: &Column) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical, repetition) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
        Kind::Single => (Physical::FLOAT, None, Repetition::OPTIONAL),
        Kind::Double => (Physical::DOUBLE, None, Repetition::OPTIONAL),
    };
    let builder = Type::primitive_type_builder(column.name, physical).with_logical_type(logical);
    builder.with_repetition(repetition).build().map(Arc::new)
}

/// The system's error where there is one: what went wrong with the file decides the advice.
fn to_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::{
        file::reader::{FileReader as _, SerializedFileReader},
        record::RowAccessor as _,
    };

    #[test]
    fn what_is_written_is_read_back() {
        let columns = [
            Column { name: "file", kind: Kind::Text },
            Column { name: "F0_Hz", kind: Kind::Single },
            Column { name: "a.b0-2", kind: Kind::Double },
        ];
        let file = tempfile::tempfile().unwrap();
        let mut writer = ParquetWriter::new(&file, &columns).unwrap();
        // More than a group, every third number missing.
        let rows = GROUP + 10;
        for n in 0..rows {
            let number = if n % 3 == 0 { f64::NAN } else { n as f64 };
            writer.row(&[Cell::Text(format!("录音{n}")), Cell::Single(number as f32), Cell::Double(number)]).unwrap();
        }
        writer.finish().unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 2);
        let mut count = 0;
        for (n, row) in reader.get_row_iter(None).unwrap().enumerate() {
            let row = row.unwrap();
            assert_eq!(row.get_string(0).unwrap(), &format!("录音{n}"));
            match n % 3 {
                0 => assert!(row.get_float(1).is_err() && row.get_double(2).is_err(), "missing values are null"),
                _ => assert_eq!((row.get_float(1).unwrap(), row.get_double(2).unwrap()), (n as f32, n as f64)),
            }
            count += 1;
        }
        assert_eq!(count, rows);
    }
}
