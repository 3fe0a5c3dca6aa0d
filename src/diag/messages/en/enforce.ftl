## enforce
