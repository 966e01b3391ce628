"""Text and pictures made from errors, arrays and graphs; knows no numerics."""
