"""Laws of the mixture, and a naive recursion to hold it to."""
