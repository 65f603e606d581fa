"""What every layer may lean on: threads, interruption, warnings."""
