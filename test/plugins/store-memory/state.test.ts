import { stateContract } from '../../contracts/state.js'
import { memoryState } from './backend.js'

stateContract(memoryState)
