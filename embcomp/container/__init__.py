"""Our file format: layout, writer, reader."""
